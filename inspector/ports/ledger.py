"""Port of `adapters/ledger`: the record of every part, with messages, cameras and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple, Protocol

from inspector.domain.decision import Decision
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.line_state import LineStatus
from inspector.domain.part import PartRecord
from inspector.domain.part_identity import PartIdentity
from inspector.domain.pipeline import Pipeline, Retention
from inspector.domain.reconciliation import Ack, CountComparison, Gap, MissingAck, TriggerCount
from inspector.domain.report import Words
from inspector.domain.templates import template_sha256
from inspector.domain.vote import Vote
from inspector.ports.broker import OutgoingMessage
from inspector.ports.camera_minutes import CameraMinuteStore


class PipelineVersion(NamedTuple):
    """A stored version of a declaration, with the status of its line.

    `golden` holds the sha256 of its golden samples, in declared order.
    """

    pipeline: Pipeline
    version: int
    golden: tuple[str, ...]
    status: LineStatus

    def template_sha256(self, name: str | None) -> str:
        """Return the sha256 of the golden sample that a frame names. Raises PictureError where it is not stored."""
        return template_sha256(name, self.pipeline.golden_samples, self.golden)


class Recorded(IntEnum):
    """What recording a part came to; false only where nothing was stored.

    KNOWN: its identity was decided before. REUSED: its trigger named another part before.
    """

    KNOWN = 0
    NEW = 1
    REUSED = 2


class PartCandidate(NamedTuple):
    """A part that a key may mean, and when its frame was received."""

    result_id: str
    identity: PartIdentity
    received_at: datetime


class OpenPart(NamedTuple):
    """A decided part whose gate may still act on it, or has just done so."""

    result_id: str
    identity: PartIdentity
    gate_by: datetime


class StoredVerdict(NamedTuple):
    """The stored result of a part: its id, and the verdict message as it was stored."""

    result_id: str
    verdict: OutgoingMessage | None


@dataclass(frozen=True, slots=True)
class CameraActivity:
    """The activity of one camera at one station since the last report.

    `known` is False when no pipeline declares the camera. All numbers up to `last_seq` of the counter's
    `run` arrived or were given up. `status` is online, offline or None (not reported). `resent` frames came before, and
    `retained` ones are stored copies, which are no parts.
    """

    line: str
    camera: str
    at: datetime
    known: bool
    frames: int = 0
    gaps: tuple[Gap, ...] = ()
    last_seq: int | None = None
    status: str | None = None
    run: int | None = None
    resent: int = 0
    retained: int = 0

    @property
    def lost(self) -> int:
        return sum(gap.frames for gap in self.gaps)


@dataclass(frozen=True, slots=True)
class CameraRow:
    """A camera with its totals."""

    line: str
    camera: str
    known: bool
    status: str | None
    first_seen: datetime
    last_seen: datetime
    frames: int
    lost: int
    last_seq: int | None
    run: int | None = None
    resent: int = 0
    retained: int = 0


class NewestRun(NamedTuple):
    """The run of the counter in a camera's newest part, its first number among the newest parts, and the newest run."""

    line: str
    camera: str
    run: int
    first: int
    newest: int


@dataclass(frozen=True, slots=True)
class Event:
    """An occurrence that a person should know. `kind` is a stable code; `count` is the number of occurrences."""

    event_id: str
    line: str
    camera: str | None
    kind: str
    severity: str
    text: str
    at: datetime
    count: int = 1


class VerdictStore(Protocol):
    """Changes a stored verdict before the broker has it."""

    async def withdraw(self, result_id: str, decision: Decision, payload: bytes, *, in_time: bool = False) -> bool:
        """Replace the part's PASS by `decision`, and its verdict by `payload`. A DEADLINE marks the part as late.

        Returns False, and changes nothing, where the broker already has that verdict or the part is unknown. `in_time`:
        the gate already received this verdict in time, while the PASS was still being stored. The part is then not
        late, and counts as published.
        """


class PartStore(VerdictStore, Protocol):
    """What station and recorder need: parts with votes, words and messages.

    `record` and `finish_words` return after the commit; many calls share one transaction (group commit).
    """

    async def find(self, identity: PartIdentity) -> StoredVerdict | None:
        """Return the stored result for this part, or None. A redelivery is answered from it, not judged again."""

    async def candidates(self, key: FrameKey) -> list[PartCandidate]:
        """List the newest parts that share this key, newest first."""

    async def open_parts(self, now: datetime, after_gate: timedelta) -> list[OpenPart]:
        """List the parts, oldest first, whose `gate_by` is later than `after_gate` before now."""

    async def record(self, part: PartRecord, outgoing: Sequence[OutgoingMessage]) -> Recorded:
        """Store part, votes, words, evidence reference and messages in one transaction.

        Returns KNOWN, and stores nothing, when the identity is already decided.
        """

    async def finish_words(self, result_id: str, words: Words, outgoing: Sequence[OutgoingMessage]) -> None:
        """Add the words of a part whose words were PENDING, with the messages that carry them."""

    async def unfinished_words(self, lines: Sequence[str]) -> list[PartRecord]:
        """List parts whose words are still PENDING. After a restart nothing writes them any more."""

    async def add_shadow(self, result_id: str, votes: Sequence[Vote]) -> None:
        """Store the votes of a part's whole ladder, separate from the votes that decided it. Stored ones stay."""


class OutboxStore(VerdictStore, Protocol):
    """What the outbox needs: messages that the broker has not confirmed."""

    async def unpublished(self, lines: Sequence[str] | None, limit: int) -> list[OutgoingMessage]:
        """List messages that the broker has not confirmed, oldest first. `lines` None means all lines."""

    async def review_messages(self, lines: Sequence[str] | None, limit: int) -> list[OutgoingMessage]:
        """List those of them that are about reviews, oldest first: other processes write them."""

    async def confirm(self, message_ids: Sequence[str]) -> None:
        """Record that the broker has these messages. Unknown ids are ignored; confirming twice is allowed."""


class PipelineStore(Protocol):
    """The live pipelines."""

    async def pipelines(self) -> list[PipelineVersion]:
        """List the newest version of every line."""


class CameraStore(CameraMinuteStore, Protocol):
    """What the camera monitor needs: cameras, and which sequence numbers are decided."""

    async def add_camera_activity(self, sightings: Sequence[CameraActivity]) -> None:
        """Add the activity of cameras since the last call. A camera's first activity lists it as new."""

    async def cameras(self) -> list[CameraRow]:
        """List all cameras ever seen."""

    async def newest_runs(self) -> list[NewestRun]:
        """Return the runs of the counters of the cameras that sent the newest parts."""

    async def decided_seqs(self, line: str, camera: str, run: int, first: int, last: int) -> list[int]:
        """Return which numbers of this run from `first` to `last` belong to parts, in ascending order."""


class EventStore(Protocol):
    """What the event log needs."""

    async def add_events(self, events: Sequence[Event]) -> None:
        """Append events."""


class GateStore(Protocol):
    """What gate feedback needs: acknowledgements of gates and counts of PLCs."""

    async def acknowledge(self, ack: Ack) -> Disposition | None:
        """Record the gate's action on a part, which is ACKNOWLEDGED from now on. A key alone means its newest part.

        Returns the disposition of its verdict, or None where there is no such part. The first acknowledgement of a part
        stays.
        """

    async def unacknowledged(self, lines: Sequence[str] | None, now: datetime) -> list[MissingAck]:
        """List verdicts whose acknowledgement is overdue, each once. `lines` None means all lines."""

    async def add_count(self, count: TriggerCount) -> None:
        """Store a PLC's count for a later comparison. Repeating the same count changes nothing."""

    async def compare_counts(self, lines: Sequence[str] | None, before: datetime) -> list[CountComparison]:
        """Compare the counts received before this time with the ledger, each once."""


class PictureStore(PipelineStore, Protocol):
    """What picture retention needs."""

    async def release_pictures(self, line: str, retention: Retention, now: datetime) -> bool:
        """Continue through this line's passed parts by a bounded step, and mark pictures for removal.

        A picture is marked when its retention has ended and no other part and no golden sample needs it. Returns
        whether further parts remain.
        """

    async def due_pictures(self, limit: int) -> Sequence[str]:
        """List marked pictures that the evidence store may remove now, at most `limit`.

        Marked pictures that something needs meanwhile, such as those of a part reviewed since, lose their mark.
        """

    async def pictures_removed(self, sha256s: Sequence[str]) -> None:
        """Record that the evidence store has removed these marked pictures."""


class MinuteStore(Protocol):
    """Series by the minute, which are kept for a bounded time."""

    async def forget_minutes(self, now: datetime) -> None:
        """Remove the minutes that are too old at this time."""


class Ledger(PartStore, OutboxStore, CameraStore, EventStore, GateStore, PictureStore, MinuteStore, Protocol):
    """The whole ledger. Every method of every store raises LedgerError when the database fails."""
