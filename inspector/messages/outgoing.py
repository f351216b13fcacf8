"""Payloads that the service publishes, and their construction from a part."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
)

from inspector.domain.decision import Reason, Verdict
from inspector.domain.declared import Disposition, Name, Severity, Share
from inspector.domain.line_state import LineState
from inspector.domain.part import PartRecord, PartState
from inspector.domain.report import Finding, WordsState
from inspector.domain.vote import Opinion, StoppedBy, Vote
from inspector.messages.incoming import Sha256, TriggerId

Corners = Annotated[tuple[Share, ...], Field(min_length=4, max_length=4)]
MAX_VERDICT_BYTES: Final = 1023
DISPENSABLE_FIELDS: Final = ("traceparent", "would_be", "part_id")  # of a verdict, in the order they are left out
MAX_PART_ID_BYTES: Final = 36  # keeps a verdict below 1 KiB with the longest names


class Payload(BaseModel):
    """Base of outgoing payloads. The service builds them, so unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PipelineStamp(Payload):
    line: Name
    version: int = Field(ge=0, description="0 when no pipeline judged the part")
    fingerprint: str = Field(max_length=16, description="16 hex digits; changes whenever scores may change")


class WouldBe(Payload):
    """The outcome that the part's judgement alone gives it, whatever the state of its line."""

    verdict: Verdict
    disposition: Disposition


class VerdictMessage(Payload):
    """The only message that a gate reads: at most 1 KiB of JSON, one per part. Repeats carry the same result_id."""

    schema_: Literal["inspector.verdict/1"] = Field(default="inspector.verdict/1", alias="schema")
    result_id: str = Field(max_length=48)
    trigger_id: TriggerId
    part_id: str | None = Field(
        default=None,
        description="left out if longer than a UUID, or if the verdict would exceed 1 KiB; the report contains it",
    )
    line: Name
    camera: Name
    seq: int | None = None
    verdict: Verdict
    disposition: Disposition
    reason: Reason
    p_ng: Share | None = Field(default=None, description="probability of NG; null when no answer was readable")
    agreement: Share | None = None
    votes: int = Field(ge=0)
    rungs: int = Field(ge=0)
    stopped_by: StoppedBy
    defect: str | None = None
    decided_at: AwareDatetime
    latency_ms: float = Field(ge=0.0, description="from receipt to decision")
    deadline_ms: float = Field(ge=0.0, description="from capture")
    late: bool
    line_state: LineState
    would_be: WouldBe | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="what a LIVE line would have answered; left out of a verdict that would exceed 1 KiB",
    )
    gate_by: AwareDatetime | None = Field(
        default=None, description="the deadline as a time; no PASS is published later"
    )
    fail_safe: Disposition | None = Field(default=None, description="the gate's action without a verdict in time")
    is_simulated: bool = False
    traceparent: str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="the frame's W3C trace context; left out of a verdict that would exceed 1 KiB",
    )
    pipeline: PipelineStamp


class VoteLine(Payload):
    view: str
    rung: int = Field(ge=0)
    p_ng: Share | None
    p_true: Share | None = Field(
        default=None, description="the model's probability that this vote is right; null where it was not asked"
    )
    readable: Share | None = Field(
        default=None,
        description="the probability of NG and OK together; below settle.min_readable the vote does not count",
    )
    tokens: int = Field(ge=0)
    ms: float = Field(ge=0.0)
    text: str = ""


class OpinionLine(Payload):
    """The second opinion, from the golden samples. It asks the model nothing and is not counted as a vote."""

    p_ng: Share = Field(description="0.5: as far from the golden samples as they are from each other")
    ms: float = Field(ge=0.0)
    text: str = ""


class FindingLine(Payload):
    defect: str
    severity: Severity
    bbox_norm: Corners | None = Field(description="x0, y0, x1, y1 in 0..1")
    description: str


class ReportMessage(Payload):
    """The complete record of one part: the verdict, every vote, the picture's hash and the words."""

    schema_: Literal["inspector.report/1"] = Field(default="inspector.report/1", alias="schema")
    verdict: VerdictMessage
    detail: str = Field(description="explanation in words, where the reason code is not enough")
    part_id: str | None = None
    product: str | None = None
    lot: str | None = None
    captured_at: AwareDatetime | None = None
    traceparent: str | None = Field(default=None, description="the frame's W3C trace context")
    template: str | None = Field(default=None, description="golden sample that the frame names for comparison")
    would_be: WouldBe
    received_at: AwareDatetime
    votes: tuple[VoteLine, ...]
    second_opinion: OpinionLine | None = Field(default=None, description="present if the pipeline asks for one")
    evidence_sha256: Sha256 | None
    words_state: WordsState
    findings: tuple[FindingLine, ...]


class EventSeverity:
    """Event severities, mildest first."""

    INFO: Final = "INFO"
    WARNING: Final = "WARNING"
    ALARM: Final = "ALARM"


class EventMessage(Payload):
    """An alarm or notice about a line. `count` is how often this cause occurred since it was last published.

    Each cause of a kind has an event of its own; beyond eight causes within 10 s the further ones share one.
    """

    schema_: Literal["inspector.event/1"] = Field(default="inspector.event/1", alias="schema")
    event_id: str
    line: str
    camera: str | None = None
    kind: str
    severity: Literal["INFO", "WARNING", "ALARM"]
    text: str
    count: int = Field(ge=1)
    at: AwareDatetime


class ReviewMessage(Payload):
    """A person's disposition of a part, for the PLC or MES: it differs from the one that the line has.

    A review that was taken back, or that others dispute, is REVIEW again, in a new message that supersedes the earlier.
    """

    schema_: Literal["inspector.review/1"] = Field(default="inspector.review/1", alias="schema")
    review_id: str = Field(max_length=64, description="of this message; repeats carry the same one")
    result_id: str = Field(max_length=48, description="of the part's verdict; a trigger_id may name several parts")
    trigger_id: TriggerId
    part_id: str | None = None
    verdict: Verdict
    disposition: Disposition
    reviewer: str
    supersedes: str | None = Field(default=None, description="review_id of the message that no longer holds")
    at: AwareDatetime


class PartStateMessage(Payload):
    """A change of a part's state, published once and not stored: the ledger holds the current state.

    LOST refers to the numbers `seq` to `last_seq`; nothing else is known about them.
    """

    schema_: Literal["inspector.part/1"] = Field(default="inspector.part/1", alias="schema")
    state: PartState
    line: Name
    camera: Name
    trigger_id: TriggerId | None = Field(default=None, description="null for LOST")
    result_id: str | None = Field(default=None, max_length=48, description="known from DECIDED on")
    seq: int | None = None
    last_seq: int | None = Field(default=None, description="LOST only")
    at: AwareDatetime


class ServiceState(Payload):
    """The state of a station, retained. The broker publishes OFFLINE (last will) when a station disappears."""

    schema_: Literal["inspector.state/1"] = Field(default="inspector.state/1", alias="schema")
    state: Literal["ONLINE", "OFFLINE"]
    station: int = Field(ge=0)
    at: AwareDatetime | None = None


class Heartbeat(Payload):
    """Published every second. A count that stands still means that the inspector stopped."""

    schema_: Literal["inspector.heartbeat/1"] = Field(default="inspector.heartbeat/1", alias="schema")
    station: int = Field(ge=0)
    count: int = Field(ge=0)
    in_flight: int = Field(ge=0, description="frames received and not yet decided")
    queued: int = Field(default=0, ge=0, description="frames in flight that wait for a model replica")
    judging: int = Field(default=0, ge=0, description="frames in flight that a model replica is judging")
    outbox: int = Field(ge=0, description="messages that the broker has not confirmed")
    ledger_away: bool = Field(
        default=False, description="true while the ledger stores no parts; every part then gets the fail-safe"
    )
    model_away: str | None = Field(
        default=None, max_length=500, description="why the model's server can't be used; null while it can"
    )
    at: AwareDatetime


class GateDeadline(NamedTuple):
    """The time until which a gate waits for a verdict, and its action without one."""

    gate_by: datetime
    fail_safe: Disposition


def verdict_message(part: PartRecord, until: GateDeadline | None = None) -> VerdictMessage:
    """Build the verdict payload of a stored part."""
    main = part.words.main
    message = VerdictMessage(
        result_id=part.result_id,
        trigger_id=part.key.trigger_id,
        part_id=_fitting(part.part_id),
        line=part.key.line,
        camera=part.key.camera,
        seq=part.seq,
        verdict=part.decision.verdict,
        disposition=part.decision.disposition,
        reason=part.decision.reason,
        p_ng=part.p_ng and round(part.p_ng, 6),
        agreement=part.agreement and round(part.agreement, 6),
        votes=len(part.votes),
        rungs=part.rungs,
        stopped_by=part.stopped_by,
        defect=main.defect if main else None,
        decided_at=part.decided_at,
        latency_ms=round(part.latency_ms, 1),
        deadline_ms=round(part.deadline_ms, 1),
        late=part.late,
        line_state=part.line_state,
        would_be=_would_be(part),
        gate_by=until and until.gate_by,
        fail_safe=until and until.fail_safe,
        is_simulated=part.is_simulated,
        traceparent=part.traceparent,
        pipeline=PipelineStamp(
            line=part.pipeline.line, version=part.pipeline.version, fingerprint=part.pipeline.fingerprint
        ),
    )
    return _within_limit(message)


def _would_be(part: PartRecord) -> WouldBe:
    return WouldBe(verdict=part.would_be.verdict, disposition=part.would_be.disposition)


def _within_limit(message: VerdictMessage) -> VerdictMessage:
    """Leave out what the report contains too, until the verdict fits. A gate needs none of it."""
    for field in DISPENSABLE_FIELDS:
        if len(to_json(message)) <= MAX_VERDICT_BYTES:
            return message
        message = message.model_copy(update={field: None})
    return message


def report_message(part: PartRecord) -> ReportMessage:
    """Build the report payload of a stored part, with its words as far as they are written."""
    return ReportMessage(
        verdict=verdict_message(part),
        detail=part.decision.detail,
        part_id=part.part_id,
        product=part.product,
        lot=part.lot,
        captured_at=part.captured_at,
        traceparent=part.traceparent,
        template=part.template,
        would_be=_would_be(part),
        received_at=part.received_at,
        votes=tuple(vote_line(vote) for vote in part.votes),
        second_opinion=opinion_line(part.opinion) if part.opinion else None,
        evidence_sha256=part.evidence.sha256 if part.evidence else None,
        words_state=part.words.state,
        findings=tuple(finding_line(finding) for finding in part.words.findings),
    )


def _fitting(part_id: str | None) -> str | None:
    """Return the part id, or None if it is too long for a verdict.

    A gate matches by trigger_id, and a truncated part id would be a wrong one.
    """
    written = json.dumps(part_id, ensure_ascii=False).encode()
    return part_id if len(written) <= MAX_PART_ID_BYTES + 2 else None


def vote_line(vote: Vote) -> VoteLine:
    return VoteLine(
        view=vote.view,
        rung=vote.rung,
        p_ng=vote.p_ng,
        p_true=vote.p_true,
        readable=vote.readable,
        tokens=vote.tokens,
        ms=round(vote.ms, 1),
        text=vote.text[:200],
    )


def opinion_line(opinion: Opinion) -> OpinionLine:
    return OpinionLine(p_ng=opinion.p_ng, ms=round(opinion.ms, 1), text=opinion.text[:200])


def finding_line(finding: Finding) -> FindingLine:
    return FindingLine(
        defect=finding.defect,
        severity=finding.severity,
        bbox_norm=finding.bbox_norm,
        description=finding.description,
    )


def to_json(payload: Payload) -> bytes:
    """Serialise to compact UTF-8 JSON with the field names of the wire."""
    return payload.model_dump_json(by_alias=True).encode()
