"""Port of `adapters/ledger`: the record of every part, its messages, cameras and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from inspector.domain.decision import Decision
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.part import PartRecord
from inspector.domain.pipeline import Pipeline, Retention
from inspector.domain.reconciliation import Ack, CountComparison, Gap, MissingAck, TriggerCount
from inspector.domain.report import Words
from inspector.domain.review import Review
from inspector.domain.vote import Vote
from inspector.ports.broker import OutgoingMessage


class PipelineVersion(NamedTuple):
    """A stored version of a declaration. `golden` are sha256 of its golden samples, in declared order."""

    pipeline: Pipeline
    version: int
    golden: tuple[str, ...]


class StoredVerdict(NamedTuple):
    """What the ledger already holds for a frame key: its id and the verdict message as it was stored."""

    result_id: str
    verdict: OutgoingMessage | None


class Ledger(Protocol):
    """The record of every part. Every method raises LedgerError when the database can't do it.

    `record` and `finish_words` return after the commit; many calls share one transaction (group commit).
    """

    async def find(self, key: FrameKey) -> StoredVerdict | None:
        """What is stored for this frame, or None: a redelivery is answered, not judged again."""

    async def record(self, part: PartRecord, outgoing: Sequence[OutgoingMessage]) -> bool:
        """Stores part, votes, words, evidence reference and messages in one transaction. False, storing
        nothing, when the key is already decided."""

    async def finish_words(self, result_id: str, words: Words, outgoing: Sequence[OutgoingMessage]) -> None:
        """Adds the words of a part whose words were PENDING, with the messages that carry them."""

    async def withdraw(self, result_id: str, decision: Decision, payload: bytes, *, told: bool = False) -> bool:
        """The part's PASS becomes `decision`, late, and `payload` what its verdict says; False, changing nothing, where
        the broker has that verdict already, or the part is unknown. `told`: the gate was told this in time, while the
        PASS was still being stored, so that it is not late and the broker has it."""

    async def unfinished_words(self, lines: Sequence[str]) -> list[PartRecord]:
        """Parts whose words are still PENDING: after a restart nobody is writing them any more."""

    async def unpublished(self, lines: Sequence[str] | None, limit: int) -> list[OutgoingMessage]:
        """Messages not confirmed by the broker, oldest first. `lines` None means of all lines."""

    async def confirm(self, message_ids: Sequence[str]) -> None:
        """The broker has these messages. Unknown ids are ignored; confirming twice is allowed."""

    async def pipelines(self) -> list[PipelineVersion]:
        """The newest version of every line."""

    async def add_camera_activity(self, sightings: Sequence[CameraActivity]) -> None:
        """Adds what was seen of cameras since the last call; a camera seen first is listed as new."""

    async def cameras(self) -> list[CameraRow]:
        """All cameras ever seen."""

    async def add_events(self, events: Sequence[Event]) -> None:
        """Appends events."""

    async def decided_seqs(self, line: str, camera: str, first: int, last: int, since: datetime) -> set[int]:
        """Which numbers from `first` to `last` belong to parts of this camera received since then."""

    async def acknowledge(self, ack: Ack) -> Disposition | None:
        """The gate acted on a part, which is ACKNOWLEDGED from now on. Returns what its verdict had asked for, None
        where there is no such part. The first acknowledgement of a part stays."""

    async def unacknowledged(self, lines: Sequence[str] | None, now: datetime) -> list[MissingAck]:
        """Verdicts that the gate should have acknowledged by now; each is told once. `lines` None: of all lines."""

    async def add_count(self, count: TriggerCount) -> None:
        """Keeps what a PLC counted, to be compared later. The same count again changes nothing."""

    async def compare_counts(self, lines: Sequence[str] | None, before: datetime) -> list[CountComparison]:
        """Compares the counts that came before this time with the ledger; each once."""

    async def add_shadow(self, result_id: str, votes: Sequence[Vote]) -> None:
        """Keeps the votes of a part's whole ladder beside those that decided it. Those that are there stay."""

    async def add_reviews(self, reviews: Sequence[Review]) -> None:
        """Appends people's answers. Their parts' pictures stay for good."""

    async def release_pictures(self, line: str, retention: Retention, now: datetime) -> ReleasedPictures:
        """Goes on through this line's passed parts, a bounded way, and marks the pictures that it needs no more
        and that no other part and no golden sample needs either."""

    async def pictures_removed(self, sha256s: Sequence[str]) -> None:
        """These marked pictures are gone from the evidence store."""


class ReleasedPictures(NamedTuple):
    """`marked` are pictures that the evidence store may remove now; `more`: there is more to go through."""

    marked: tuple[str, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class CameraActivity:
    """What one station saw of one camera since the last sighting. `known` is False when no pipeline wants it.
    `last_seq` is the number up to which all came or were given up. `status` is online, offline or None (said
    nothing)."""

    line: str
    camera: str
    at: datetime
    known: bool
    frames: int = 0
    gaps: tuple[Gap, ...] = ()
    last_seq: int | None = None
    status: str | None = None

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


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling a person. `kind` is a stable code; `count` how many times it happened."""

    event_id: str
    line: str
    camera: str | None
    kind: str
    severity: str
    text: str
    at: datetime
    count: int = 1
