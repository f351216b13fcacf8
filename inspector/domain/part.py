"""A part as the ledger knows it: everything that was found out about one frame, as one value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inspector.domain.decision import Decision
from inspector.domain.frame import FrameKey
from inspector.domain.report import NO_WORDS, Words
from inspector.domain.vote import Opinion, StoppedBy, Vote


class PartState(StrEnum):
    """Where a trigger stands. RECEIVED and JUDGING: a station has the frame, and the broker keeps it until it is
    decided. DECIDED: stored, verdict not yet confirmed by the broker. PUBLISHED: the broker has the verdict.
    ACKNOWLEDGED: the gate says that it acted. LOST: a number in the camera's sequence that never came.

    The ledger's rows are decided at least; the others it knows by the gaps in the camera's sequence.
    """

    RECEIVED = "RECEIVED"
    JUDGING = "JUDGING"
    DECIDED = "DECIDED"
    PUBLISHED = "PUBLISHED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class PipelineRef:
    """Which declaration judged: line, version, and the fingerprint of everything that changes scores."""

    line: str
    version: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A stored picture: sha256 (hex) of its bytes, media type, size in bytes and pixels (0 where unknown)."""

    sha256: str
    media_type: str
    size_bytes: int
    width_px: int = 0
    height_px: int = 0


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One decided part. `latency_ms` runs from receipt to decision; `late` says the deadline had passed.

    `rungs` is how many rungs were asked. `p_ng` and `agreement` are None where no answer was readable.
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
    part_id: str | None = None
    product: str | None = None
    lot: str | None = None
    seq: int | None = None
    captured_at: datetime | None = None
    is_simulated: bool = False
    p_ng: float | None = None
    agreement: float | None = None
    votes: tuple[Vote, ...] = ()
    opinion: Opinion | None = None
    rungs: int = 0
    stopped_by: StoppedBy = StoppedBy.ERROR
    evidence: Evidence | None = None
    words: Words = NO_WORDS
    state: PartState = PartState.DECIDED
