"""Response models of the REST API, which the pages show too. Pure models over `messages` and `ports`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from inspector.adapters.console.api.models import ApiModel
from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.line_state import LineState, PassRight, RightOrigin
from inspector.domain.part import PartState
from inspector.domain.pipeline import Pipeline
from inspector.domain.report import WordsState
from inspector.lines.states import CameraView, LineView
from inspector.messages.incoming import Sha256
from inspector.messages.outgoing import ReportMessage, VerdictMessage, report_message, verdict_message
from inspector.ports.archive import EventRow, PartRow, Totals
from inspector.ports.ledger import PipelineVersion


class PartSummary(ApiModel):
    """One part in a list: the verdict as the gate received it, without votes and findings."""

    number: int = Field(description="grows with time; page with before= and after=")
    state: PartState
    verdict: VerdictMessage
    detail: str
    words_state: WordsState
    has_picture: bool

    @classmethod
    def of(cls, row: PartRow) -> PartSummary:
        part = row.part
        return cls(
            number=row.number,
            state=part.state,
            verdict=verdict_message(part),
            detail=part.decision.detail,
            words_state=part.words.state,
            has_picture=part.evidence is not None,
        )


class PartList(ApiModel):
    """Parts in the order of `sort`. `next_before` is the `before` of the next page, `next_after` its `after`.

    The next page has the one that fits the order; both are null on the last page.
    """

    parts: tuple[PartSummary, ...]
    next_before: int | None
    next_after: int | None


class PictureFacts(ApiModel):
    sha256: Sha256
    media_type: str = Field(description="as the camera declared it; the picture is sent with the type of its bytes")
    size_bytes: int = Field(ge=0)
    width_px: int = Field(ge=0, description="0 where unknown")
    height_px: int = Field(ge=0, description="0 where unknown")
    is_removed: bool = Field(description="whether its retention has ended: the record stays, its bytes do not")


class PartReport(ApiModel):
    """The whole record of one part: the published report, and fields that only the ledger holds."""

    number: int
    state: PartState
    report: ReportMessage
    picture: PictureFacts | None
    has_heat_map: bool = Field(default=False, description="whether its second opinion left one, below /heatmap")
    words_raw: str = Field(description="the model's text, unchanged")
    words_tokens: int = Field(ge=0)
    words_ms: float = Field(ge=0.0)

    @classmethod
    def of(cls, row: PartRow) -> PartReport:
        part = row.part
        return cls(
            number=row.number,
            state=part.state,
            report=report_message(part),
            picture=PictureFacts.model_validate(part.evidence) if part.evidence else None,
            words_raw=part.words.raw,
            words_tokens=part.words.tokens,
            words_ms=part.words.ms,
        )


class AdjacentParts(ApiModel):
    """The parts of the same line decided just before and just after; null where there is none."""

    older: str | None
    newer: str | None


class PartCount(ApiModel):
    line: str
    disposition: Disposition
    reason: Reason
    parts: int = Field(ge=0)
    unjudged: int = Field(ge=0, description="of these parts: they got the fail-safe without a vote")


class TotalsAnswer(ApiModel):
    """Counts over the last minutes, of all lines that the person may see, or of one."""

    minutes: int
    since: AwareDatetime
    parts: int = Field(ge=0)
    unjudged: int = Field(ge=0, description="parts that got the fail-safe without a vote; not the same as doubt")
    by_disposition: dict[Disposition, int]
    counts: tuple[PartCount, ...]
    outbox: int = Field(ge=0, description="messages that the broker has not confirmed yet, of any age")
    lost: int = Field(ge=0, description="frames whose sequence number never arrived")
    latency_p50_ms: float | None = Field(description="of judged parts")
    latency_p99_ms: float | None = Field(description="of judged parts")
    votes_mean: float | None

    @classmethod
    def of(cls, totals: Totals, minutes: int) -> TotalsAnswer:
        counts = tuple(
            PartCount(
                line=line,
                disposition=Disposition(disposition),
                reason=Reason(reason),
                parts=parts,
                unjudged=totals.unjudged.get((line, disposition, reason), 0),
            )
            for (line, disposition, reason), parts in sorted(totals.parts.items())
        )
        return cls(
            minutes=minutes,
            since=totals.since,
            parts=sum(totals.parts.values()),
            unjudged=sum(totals.unjudged.values()),
            by_disposition={each: sum(c.parts for c in counts if c.disposition is each) for each in Disposition},
            counts=counts,
            outbox=totals.outbox,
            lost=totals.lost,
            latency_p50_ms=totals.latency_p50_ms,
            latency_p99_ms=totals.latency_p99_ms,
            votes_mean=totals.votes_mean,
        )


class EventAnswer(ApiModel):
    number: int = Field(description="grows with time; page with before=")
    event_id: str
    line: str
    camera: str | None
    kind: str
    severity: str
    text: str
    at: datetime
    count: int = Field(ge=1, description="number of occurrences")
    acknowledged_by: str | None = Field(description="who took note of it first; null: nobody")
    acknowledged_at: datetime | None

    @classmethod
    def of(cls, row: EventRow) -> EventAnswer:
        given = row.acknowledgement
        by, at = given or (None, None)
        return cls(number=row.number, **asdict(row.event), acknowledged_by=by, acknowledged_at=at)


class EventList(ApiModel):
    """Events, newest first. `next_before` is the `before` of the next, older page; null on the last page."""

    events: tuple[EventAnswer, ...]
    next_before: int | None


class PipelineAnswer(ApiModel):
    """The newest version of a line's declaration."""

    version: int
    pipeline: Pipeline
    golden: tuple[str, ...] = Field(description="sha256 of the golden samples' pictures, in declared order")

    @classmethod
    def of(cls, stored: PipelineVersion) -> PipelineAnswer:
        return cls(version=stored.version, pipeline=stored.pipeline, golden=stored.golden)


class CameraState(ApiModel):
    """Whether parts of one camera may pass now; `objection` says why not."""

    camera: str
    state: LineState
    objection: str

    @classmethod
    def of(cls, view: CameraView) -> CameraState:
        return cls(camera=view.camera, state=view.state, objection=view.objection)


class PassRightAnswer(ApiModel):
    """The right by which parts pass: a qualification, or an override with an end."""

    origin: RightOrigin
    cameras: tuple[str, ...]
    until: datetime | None
    reason: str

    @classmethod
    def of(cls, right: PassRight) -> PassRightAnswer:
        return cls.model_validate(right)


class LineStatusAnswer(ApiModel):
    """The state of a line: LIVE where parts of at least one camera may pass."""

    line: str
    version: int
    state: LineState
    set_state: LineState = Field(description="as people set it; without a right to pass, LIVE is not in effect")
    objection: str
    cameras: tuple[CameraState, ...]
    right: PassRightAnswer | None

    @classmethod
    def of(cls, view: LineView) -> LineStatusAnswer:
        return cls(
            line=view.line,
            version=view.version.version,
            state=view.state,
            set_state=view.version.status.state,
            objection=view.objection,
            cameras=tuple(CameraState.of(each) for each in view.cameras),
            right=PassRightAnswer.of(view.right) if view.right else None,
        )


class LineAnswer(ApiModel):
    """A line: its live version, and its state."""

    status: LineStatusAnswer
    live: PipelineAnswer

    @classmethod
    def of(cls, view: LineView) -> LineAnswer:
        return cls(status=LineStatusAnswer.of(view), live=PipelineAnswer.of(view.version))


class FeedHeartbeat(ApiModel):
    """Sent every second to open browsers: what follows is new, and the service runs."""

    now: datetime
    newest_part: int | None


class FeedProblem(ApiModel):
    """Sent to open browsers while the ledger can't be read."""

    detail: str


class Health(ApiModel):
    """The service's health, returned only while parts can be read and stored; 503 otherwise."""

    status: Literal["ok"] = "ok"
    newest_part: int | None = Field(description="number of the newest part; null while there is none")
    newest_decided_at: datetime | None
