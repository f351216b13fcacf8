"""The contract on the wire: topics and payloads, as DESIGN section 5 lists them. Pure.

Every payload is a pydantic model; its JSON Schema and the AsyncAPI document are generated from here.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from inspector.decision import Reason, Verdict
from inspector.frame import NAME
from inspector.part import PartRecord, PartState
from inspector.pipeline import Disposition, Name, Severity, Share
from inspector.report import Finding, WordsState
from inspector.vote import Opinion, StoppedBy, Vote


def utc(at: datetime) -> datetime:
    """The same instant in UTC, which is the zone of a time without one. Raises ValueError where that would leave the
    calendar: no database could keep it."""
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar; check the device's clock") from error


DEFAULT_ROOT: Final = "inspector/v1"
TriggerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Label = Annotated[str, StringConstraints(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
Instant = Annotated[AwareDatetime, AfterValidator(utc)]
Corners = Annotated[tuple[Share, ...], Field(min_length=4, max_length=4)]
MAX_PART_ID_BYTES: Final = 36  # leaves a verdict below 1 KiB with the longest names


class FrameTopic(NamedTuple):
    """A topic of a camera, taken apart. `channel` is frame, frame-ref, status, ack or count; `trigger_id` only in
    the MQTT 3.1.1 form `frame/{trigger_id}`."""

    line: str
    camera: str
    channel: str
    trigger_id: str | None


REPORT: Final = "-report"
CHANNELS_IN: Final = ("frame", "frame-ref", "status", "ack", "count")


class Topics:
    """All topics under one plant's root. Building from a bad root raises ValueError."""

    def __init__(self, root: str = DEFAULT_ROOT) -> None:
        if not root or any(not NAME.fullmatch(level) for level in root.split("/")):
            raise ValueError(f"topic root {root!r} must be names separated by /, such as {DEFAULT_ROOT}")
        self.root = root

    def camera(self, line: str, camera: str, channel: str) -> str:
        return f"{self.root}/{line}/{camera}/{channel}"

    def verdict(self, line: str, camera: str) -> str:
        return self.camera(line, camera, "verdict")

    def report(self, line: str, camera: str) -> str:
        return self.camera(line, camera, "report")

    def part(self, line: str, camera: str) -> str:
        return self.camera(line, camera, "part")

    def event(self, line: str) -> str:
        return f"{self.root}/{line}/event"

    @property
    def state(self) -> str:
        return f"{self.root}/service/state"

    @property
    def heartbeat(self) -> str:
        return f"{self.root}/service/heartbeat"

    def of_station(self, topic: str, station: int) -> str:
        """State and heartbeat of the first station stand on the plain topic; further stations add their number."""
        return topic if station == 0 else f"{topic}/{station}"

    def parse(self, topic: str) -> FrameTopic | None:
        """The camera topic taken apart; None when it is not one of ours to read."""
        if not topic.startswith(self.root + "/"):
            return None
        levels = topic[len(self.root) + 1 :].split("/")
        if len(levels) == 3 and levels[2] in CHANNELS_IN:
            return FrameTopic(levels[0], levels[1], levels[2], None)
        if len(levels) == 4 and levels[2] == "frame":
            return FrameTopic(levels[0], levels[1], levels[2], levels[3])
        return None


class Payload(BaseModel):
    """Outgoing payloads: built by us, so strict."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Incoming(BaseModel):
    """Incoming payloads: what we do not know is ignored, so that devices may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PipelineStamp(Payload):
    line: Name
    version: int = Field(ge=0, description="0 when no pipeline judged the part")
    fingerprint: str = Field(max_length=16, description="16 hex digits; changes whenever scores may change")


class VerdictMessage(Payload):
    """What a gate reads: at most 1 KiB of JSON, one per part. Repeats carry the same result_id."""

    schema_: Literal["inspector.verdict/1"] = Field(default="inspector.verdict/1", alias="schema")
    result_id: str = Field(max_length=48)
    trigger_id: TriggerId
    part_id: str | None = Field(default=None, description="left out where longer than a UUID; the report has it")
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
    gate_by: AwareDatetime | None = Field(default=None, description="the deadline as a time; no PASS is sent after it")
    fail_safe: Disposition | None = Field(default=None, description="what the line does without a verdict in time")
    is_simulated: bool = False
    pipeline: PipelineStamp


class VoteLine(Payload):
    view: str
    rung: int = Field(ge=0)
    p_ng: Share | None
    p_true: Share | None = Field(
        default=None, description="how likely the model holds this vote to be right; null where it was not asked"
    )
    tokens: int = Field(ge=0)
    ms: float = Field(ge=0.0)
    text: str = ""


class OpinionLine(Payload):
    """What the golden samples say beside the votes. It asks the model nothing, and no vote is counted for it."""

    p_ng: Share = Field(description="0.5: as far from the golden samples as they lie from each other")
    ms: float = Field(ge=0.0)
    text: str = ""


class FindingLine(Payload):
    defect: str
    severity: Severity
    bbox_norm: Corners | None = Field(description="x0, y0, x1, y1 in 0..1")
    description: str


class ReportMessage(Payload):
    """The whole story of one part: the verdict, every vote, the picture's hash and the words."""

    schema_: Literal["inspector.report/1"] = Field(default="inspector.report/1", alias="schema")
    verdict: VerdictMessage
    detail: str = Field(description="the reason in words, where there is more to say than the reason code")
    part_id: str | None = None
    product: str | None = None
    lot: str | None = None
    captured_at: AwareDatetime | None = None
    received_at: AwareDatetime
    votes: tuple[VoteLine, ...]
    second_opinion: OpinionLine | None = Field(default=None, description="where the pipeline asks for one")
    evidence_sha256: Sha256 | None
    words_state: WordsState
    findings: tuple[FindingLine, ...]


class EventSeverity:
    """Names of event severities, mildest first."""

    INFO: Final = "INFO"
    WARNING: Final = "WARNING"
    ALARM: Final = "ALARM"


class EventMessage(Payload):
    """An alarm or notice about a line. `count` says how often it happened since it was last published."""

    schema_: Literal["inspector.event/1"] = Field(default="inspector.event/1", alias="schema")
    event_id: str
    line: str
    camera: str | None = None
    kind: str
    severity: Literal["INFO", "WARNING", "ALARM"]
    text: str
    count: int = Field(ge=1)
    at: AwareDatetime


class PartStateMessage(Payload):
    """A part came into a state. Told once, and not kept for later: the ledger holds how a part stands. LOST is told
    of the numbers `seq` to `last_seq`, of which nothing else is known."""

    schema_: Literal["inspector.part/1"] = Field(default="inspector.part/1", alias="schema")
    state: PartState
    line: Name
    camera: Name
    trigger_id: TriggerId | None = Field(default=None, description="null for LOST")
    result_id: str | None = Field(default=None, max_length=48, description="from DECIDED on, where it is known")
    seq: int | None = None
    last_seq: int | None = Field(default=None, description="LOST only")
    at: AwareDatetime


class ServiceState(Payload):
    """Retained; the broker publishes OFFLINE by itself (last will) when a station disappears."""

    schema_: Literal["inspector.state/1"] = Field(default="inspector.state/1", alias="schema")
    state: Literal["ONLINE", "OFFLINE"]
    station: int = Field(ge=0)
    at: AwareDatetime | None = None


class Heartbeat(Payload):
    """Every second. A counter that stands still means that the inspector stopped."""

    schema_: Literal["inspector.heartbeat/1"] = Field(default="inspector.heartbeat/1", alias="schema")
    station: int = Field(ge=0)
    count: int = Field(ge=0)
    in_flight: int = Field(ge=0, description="frames received and not yet decided")
    queued: int = Field(default=0, ge=0, description="those of them that wait for a model replica")
    judging: int = Field(default=0, ge=0, description="those of them that are with one")
    outbox: int = Field(ge=0, description="decided messages that the broker has not confirmed")
    at: AwareDatetime


class CameraStatus(Incoming):
    """Retained by the camera, OFFLINE as its last will."""

    state: Literal["online", "offline"]
    at: datetime | None = None


class FrameRef(Incoming):
    """Claim check: where a picture too large for the broker lies. `url` is a file path or an fsspec URL below
    a root that the service allows."""

    url: str = Field(min_length=1, max_length=2048)
    sha256: Sha256
    content_type: Label = ""
    trigger_id: TriggerId | None = None
    part_id: Label | None = None
    product: Label | None = None
    lot: Label | None = None
    seq: int | None = Field(default=None, ge=0, lt=10**15)
    captured_at: Instant | None = None
    deadline_ms: float | None = Field(default=None, gt=0, le=600_000)
    is_simulated: bool = False


class GateAck(Incoming):
    """What the gate did with a part. A time without zone is taken for UTC."""

    trigger_id: TriggerId
    disposition: Disposition
    at: Annotated[datetime, AfterValidator(utc)] | None = None


class PlcCount(Incoming):
    """How often the PLC triggered this camera from `since` up to `until`, by the clock that stamps `captured_at`.
    Sent at the end of a shift or a lot, or every minute; compared with what the ledger holds."""

    triggers: int = Field(ge=0, lt=10**12)
    since: Instant
    until: Instant

    @field_validator("until")
    @classmethod
    def _comes_after(cls, until: datetime, info: ValidationInfo) -> datetime:
        since = info.data.get("since")
        if since is not None and until <= since:
            raise ValueError("is not after since; send the end of the period")
        return until


class Until(NamedTuple):
    """Until when a gate waits for a verdict, and what it does without one."""

    gate_by: datetime
    fail_safe: Disposition


def withdrawn(payload: bytes, now: datetime) -> VerdictMessage | None:
    """What a gate is told in place of a PASS that it did not get in time; None where the message may go as it is."""
    try:
        verdict = VerdictMessage.model_validate_json(payload)
    except ValidationError:  # another kind of message
        return None
    if verdict.disposition is not Disposition.PASS or verdict.gate_by is None or now <= verdict.gate_by:
        return None
    safe = verdict.fail_safe or Disposition.REVIEW
    instead = {"verdict": Verdict.INCONCLUSIVE, "disposition": safe, "reason": Reason.DEADLINE, "late": True}
    return verdict.model_copy(update=instead)


def report_id(result_id: str) -> str:
    """The message id of a part's report."""
    return result_id + REPORT


def reported_by(message_id: str) -> str | None:
    """Whose report that message is; None for another kind of message."""
    return message_id.removesuffix(REPORT) if message_id.endswith(REPORT) else None


def corrected(report: bytes, verdict: bytes, detail: str) -> bytes:
    """A report that was written before its verdict became another one; an unreadable one stays as it is."""
    try:
        told, written = VerdictMessage.model_validate_json(verdict), ReportMessage.model_validate_json(report)
    except ValidationError:
        return report
    told = told.model_copy(update={"gate_by": None, "fail_safe": None})
    return to_json(written.model_copy(update={"verdict": told, "detail": detail}))


def verdict_message(part: PartRecord, until: Until | None = None) -> VerdictMessage:
    """The verdict payload of a stored part."""
    main = part.words.main
    return VerdictMessage(
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
        gate_by=until and until.gate_by,
        fail_safe=until and until.fail_safe,
        is_simulated=part.is_simulated,
        pipeline=PipelineStamp(
            line=part.pipeline.line, version=part.pipeline.version, fingerprint=part.pipeline.fingerprint
        ),
    )


def report_message(part: PartRecord) -> ReportMessage:
    """The report payload of a stored part, with its words as far as they are written."""
    return ReportMessage(
        verdict=verdict_message(part),
        detail=part.decision.detail,
        part_id=part.part_id,
        product=part.product,
        lot=part.lot,
        captured_at=part.captured_at,
        received_at=part.received_at,
        votes=tuple(vote_line(vote) for vote in part.votes),
        second_opinion=opinion_line(part.opinion) if part.opinion else None,
        evidence_sha256=part.evidence.sha256 if part.evidence else None,
        words_state=part.words.state,
        findings=tuple(finding_line(finding) for finding in part.words.findings),
    )


def _fitting(part_id: str | None) -> str | None:
    """The part id, unless it is too long for a verdict: a gate matches by trigger_id, and half an id is a wrong one."""
    written = json.dumps(part_id, ensure_ascii=False).encode()
    return part_id if len(written) <= MAX_PART_ID_BYTES + 2 else None


def vote_line(vote: Vote) -> VoteLine:
    return VoteLine(
        view=vote.view,
        rung=vote.rung,
        p_ng=vote.p_ng,
        p_true=vote.p_true,
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
    """Compact UTF-8 JSON with the field names of the wire."""
    return payload.model_dump_json(by_alias=True).encode()
