"""Port of `adapters/telemetry`: the sums behind the metrics, and the page that Prometheus reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from inspector.domain.reconciliation import Balance
from inspector.ports.ledger import CameraRow, PipelineVersion

# Upper edges of the histogram of latency / deadline, in shares of the deadline.
DEADLINE_SHARE_EDGES: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0)

# Exported as 0 for every line before the first one: a counter that starts at 1 shows no increase, so no alert fires.
ALWAYS_SHOWN_EVENTS: Final = (
    "ACK_MISSING",
    "GATE_DIFFERS",
    "SEQUENCE_GAP",
    "COUNT_DIFFERS",
    "LEDGER_AWAY",
    "THINKING_HARMS",
)


class PartOutcome(NamedTuple):
    """The labels by which parts are counted."""

    line: str
    disposition: str
    reason: str


@dataclass(frozen=True, slots=True)
class PartSums:
    """Sums over parts with one outcome.

    `spent` sums latency / deadline. `within` counts the parts up to each of DEADLINE_SHARE_EDGES.
    """

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
    """The labels by which events are counted."""

    line: str
    kind: str
    severity: str


Key = TypeVar("Key")
Value = TypeVar("Value", int, PartSums)


@dataclass(frozen=True, slots=True)
class RowSums(Generic[Key, Value]):
    """Sums over the rows of a table above some number, split at a second number. `newest` is the highest row number."""

    earlier: dict[Key, Value]
    later: dict[Key, Value]
    newest: int


class OutboxBacklog(NamedTuple):
    """A line's messages that the broker has not confirmed. `oldest_at`: when the oldest one's part was decided."""

    line: str
    messages: int
    oldest_at: datetime


class StationStatus(NamedTuple):
    """A station's latest heartbeat, and when it was received.

    `ledger_away`: it cannot store parts, and every part gets the fail-safe. `model_away`: why the model's server can't
    be used; None while it can.
    """

    station: int
    heard_at: datetime
    in_hand: int
    queued: int
    judging: int
    unconfirmed: int
    ledger_away: bool = False
    model_away: str | None = None


class MetricsSource(Protocol):
    """The ledger's sums for metrics. Synchronous: called in a worker thread. Raises LedgerError."""

    def count_parts(self, after: int, until: int) -> RowSums[PartOutcome, PartSums]:
        """Sum the parts numbered above `after` by outcome, split at `until`."""

    def count_events(self, after: int, until: int) -> RowSums[EventKind, int]:
        """Count the events numbered above `after` by kind, split at `until`."""

    def count_waiting(self) -> list[OutboxBacklog]:
        """List the outbox backlog of every line with a waiting message."""

    def balance(self, line: str, now: datetime, settled: datetime) -> Balance:
        """Return the balance of this line. Frames received after `settled` may still be in flight."""

    def list_cameras(self) -> list[CameraRow]: ...

    def list_pipelines(self) -> list[PipelineVersion]: ...


class MetricsPage(Protocol):
    """The page that Prometheus reads."""

    @property
    def media_type(self) -> str: ...

    def render(self) -> bytes:
        """Render the page, leaving out and reporting unreadable values. Called in a worker thread. Never raises."""
