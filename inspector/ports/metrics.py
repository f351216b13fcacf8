"""Port of `adapters/telemetry`: sums that metrics are made of, and the page that Prometheus reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from inspector.domain.reconciliation import Balance
from inspector.ports.ledger import CameraRow, PipelineVersion

DEADLINE_SHARE_EDGES: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0)


# Shown as 0 for every line before they happen: what is first seen as 1 has not increased, and no alert would fire.
ALWAYS_SHOWN_EVENTS: Final = ("ACK_MISSING", "GATE_DIFFERS", "SEQUENCE_GAP", "COUNT_DIFFERS", "LEDGER_AWAY")


class PartOutcome(NamedTuple):
    """What parts are told apart by."""

    line: str
    disposition: str
    reason: str


@dataclass(frozen=True, slots=True)
class PartSums:
    """Parts of one kind, added up. `spent` sums latency / deadline; `within` counts those up to each of EDGES."""

    parts: int
    late: int
    votes: int
    tokens: int
    latency_ms: float
    spent: float
    within: tuple[int, ...]

    def __add__(self, other: PartSums) -> PartSums:
        return PartSums(
            self.parts + other.parts,
            self.late + other.late,
            self.votes + other.votes,
            self.tokens + other.tokens,
            self.latency_ms + other.latency_ms,
            self.spent + other.spent,
            tuple(mine + theirs for mine, theirs in zip(self.within, other.within, strict=True)),
        )


NO_PARTS: Final = PartSums(0, 0, 0, 0, 0.0, 0.0, (0,) * len(DEADLINE_SHARE_EDGES))


class EventKind(NamedTuple):
    """What events are told apart by."""

    line: str
    kind: str
    severity: str


Key = TypeVar("Key")
Value = TypeVar("Value", int, PartSums)


@dataclass(frozen=True, slots=True)
class RowSums(Generic[Key, Value]):
    """The rows of a table above some number, added up: those up to another number apart from the later ones.
    `newest` is the highest number there is."""

    earlier: dict[Key, Value]
    later: dict[Key, Value]
    newest: int


class OutboxBacklog(NamedTuple):
    """A line's messages that the broker has not confirmed; the oldest belongs to a part decided then."""

    line: str
    messages: int
    oldest_at: datetime


class StationStatus(NamedTuple):
    """What a station last said of itself, and when that was heard."""

    station: int
    heard_at: datetime
    in_hand: int
    queued: int
    judging: int
    unconfirmed: int


class MetricsSource(Protocol):
    """What metrics are made of: the ledger's own sums. Synchronous: called in a worker thread. Raises LedgerError."""

    def count_parts(self, after: int, until: int) -> RowSums[PartOutcome, PartSums]:
        """Parts numbered above `after` by outcome, those up to `until` apart from the later ones."""

    def count_events(self, after: int, until: int) -> RowSums[EventKind, int]:
        """The same of events: how often each happened."""

    def count_waiting(self) -> list[OutboxBacklog]:
        """The outbox of every line where a message waits."""

    def balance(self, line: str, now: datetime, settled: datetime) -> Balance:
        """How the books of this line stand; what came in after `settled` may still be on its way."""

    def list_cameras(self) -> list[CameraRow]: ...

    def list_pipelines(self) -> list[PipelineVersion]: ...


class MetricsPage(Protocol):
    """The page that Prometheus reads."""

    @property
    def media_type(self) -> str: ...

    def render(self) -> bytes:
        """Called in a worker thread. Never raises: what can't be read is left out, and said to be."""
