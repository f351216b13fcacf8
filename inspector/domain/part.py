"""A part as the ledger stores it: all results about one frame, as one value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inspector.domain.decision import Decision, JudgedOutcome
from inspector.domain.frame import FrameKey
from inspector.domain.line_state import LineState
from inspector.domain.part_identity import PartIdentity, Trigger
from inspector.domain.report import NO_WORDS, Words
from inspector.domain.templates import NO_TEMPLATE
from inspector.domain.vote import Opinion, StoppedBy, Vote


class PartState(StrEnum):
    """The state of a trigger.

    RECEIVED and JUDGING: a station has the frame, and the broker keeps it until the part is decided. DECIDED: stored,
    and the broker has not yet confirmed the verdict. PUBLISHED: the broker has the verdict. ACKNOWLEDGED: the gate
    reported its action. LOST: a number of the camera's sequence that never arrived.

    Every row of the ledger is at least DECIDED. It derives LOST from the gaps in the camera's sequence.
    """

    RECEIVED = "RECEIVED"
    JUDGING = "JUDGING"
    DECIDED = "DECIDED"
    PUBLISHED = "PUBLISHED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class PipelineRef:
    """The declaration that judged a part: line, version, and the fingerprint of everything that changes scores."""

    line: str
    version: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A stored picture: sha256 (hex) of its bytes, media type, size in bytes and pixels (0 where unknown).

    `is_removed`: its retention has ended, and the evidence store does not have it any more.
    """

    sha256: str
    media_type: str
    size_bytes: int
    width_px: int = 0
    height_px: int = 0
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One decided part. `latency_ms` runs from receipt to decision; `late` says the deadline had passed.

    `line_state` is the line's state for this part. `would_be` is the outcome that a LIVE line would have given it:
    tuning and statistics use it, because commissioning gives every part the fail-safe.

    `run` numbers the run of the camera's counter that `seq` belongs to. `rungs` is how many rungs were asked.
    `p_ng` and `agreement` are None where no answer was readable.
    `received_sha256` is that of the bytes as received, and stays when no picture does; `unique_by` holds the values of
    `trigger.unique_by` as JSON. `template` is the name of the golden sample that the frame is compared with, as it was
    sent, and `template_sha256` that picture.
    """

    result_id: str
    key: FrameKey
    decision: Decision
    pipeline: PipelineRef
    received_at: datetime
    decided_at: datetime
    latency_ms: float
    deadline_ms: float
    late: bool
    line_state: LineState
    would_be: JudgedOutcome
    part_id: str | None = None
    product: str | None = None
    lot: str | None = None
    seq: int | None = None
    run: int | None = None
    captured_at: datetime | None = None
    is_simulated: bool = False
    traceparent: str | None = None
    p_ng: float | None = None
    agreement: float | None = None
    votes: tuple[Vote, ...] = ()
    opinion: Opinion | None = None
    rungs: int = 0
    stopped_by: StoppedBy = StoppedBy.ERROR
    evidence: Evidence | None = None
    words: Words = NO_WORDS
    state: PartState = PartState.DECIDED
    received_sha256: str = ""
    unique_by: str = ""
    template: str | None = None
    template_sha256: str = NO_TEMPLATE

    @property
    def identity(self) -> PartIdentity:
        """What makes another frame the same part."""
        return PartIdentity(Trigger(self.key, self.unique_by), self.received_sha256, self.part_id or "")
