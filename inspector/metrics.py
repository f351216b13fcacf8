"""What is measured of the service: every metric's name, and the values that metrics are made of. Pure.

Latencies are counted in shares of the deadline that the part had, so that all lines share their edges and 1 is the
deadline whichever line it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Generic, NamedTuple, TypeVar

EDGES: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0)


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    SUMMARY = "summary"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """One metric as it is scraped. `name` is complete: a counter's ends in _total."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


LEDGER_UP: Final = Metric("inspector_ledger_up", Kind.GAUGE, (), "1 while the ledger can be read, else 0")
PARTS: Final = Metric(
    "inspector_parts_total", Kind.COUNTER, ("line", "disposition", "reason"), "Decided parts in the ledger"
)
LATENCY_SHARE: Final = Metric(
    "inspector_verdict_latency_ratio",
    Kind.HISTOGRAM,
    ("line",),
    "Time from receipt to decision as a share of the part's deadline: 1 is the deadline",
)
LATENCY: Final = Metric("inspector_verdict_latency_seconds", Kind.SUMMARY, ("line",), "Time from receipt to decision")
DEADLINE: Final = Metric("inspector_line_deadline_seconds", Kind.GAUGE, ("line",), "The deadline that a line declares")
MISSES: Final = Metric(
    "inspector_deadline_misses_total", Kind.COUNTER, ("line",), "Parts decided after their deadline, from capture"
)
VOTES: Final = Metric("inspector_votes_total", Kind.COUNTER, ("line",), "Votes that decided parts")
TOKENS: Final = Metric("inspector_vote_tokens_total", Kind.COUNTER, ("line",), "Tokens generated for these votes")
FRAMES: Final = Metric(
    "inspector_frames_total", Kind.COUNTER, ("line", "camera"), "Frames received, redeliveries among them"
)
LOST: Final = Metric(
    "inspector_frames_lost_total", Kind.COUNTER, ("line", "camera"), "Numbers in a camera's sequence that never came"
)
CAMERA_SEEN: Final = Metric(
    "inspector_camera_last_seen_timestamp_seconds", Kind.GAUGE, ("line", "camera"), "When a camera was last heard"
)
STRANGERS: Final = Metric("inspector_unknown_cameras", Kind.GAUGE, (), "Cameras that no pipeline wants")
OUTBOX: Final = Metric(
    "inspector_outbox_messages", Kind.GAUGE, ("line",), "Stored messages that the broker has not confirmed"
)
OUTBOX_AGE: Final = Metric(
    "inspector_outbox_age_seconds", Kind.GAUGE, ("line",), "Age of the oldest of these; 0 where none waits"
)
UNACCOUNTED: Final = Metric(
    "inspector_unaccounted_parts",
    Kind.GAUGE,
    ("line",),
    "Triggers seen that are neither decided nor lost nor in flight; must be 0",
)
BALANCED: Final = Metric(
    "inspector_books_balanced", Kind.GAUGE, ("line",), "1 where the sums of `inspector ledger` agree, else 0"
)
BOOKS_SEEN: Final = Metric(
    "inspector_books_checked_timestamp_seconds", Kind.GAUGE, (), "When these sums were last looked at"
)
EVENTS: Final = Metric("inspector_events_total", Kind.COUNTER, ("line", "kind", "severity"), "Alarms and notices")
IN_HAND: Final = Metric(
    "inspector_station_frames_in_hand", Kind.GAUGE, ("station",), "Frames received and not yet decided"
)
REPLICA_QUEUE: Final = Metric(
    "inspector_replica_queue", Kind.GAUGE, ("station",), "Frames that wait for a model replica"
)
JUDGING: Final = Metric(
    "inspector_station_frames_judging", Kind.GAUGE, ("station",), "Frames sent to model replicas and not yet answered"
)
UNCONFIRMED: Final = Metric(
    "inspector_station_unconfirmed_messages", Kind.GAUGE, ("station",), "Messages in memory not yet confirmed"
)
HEARTBEAT: Final = Metric(
    "inspector_station_heartbeat_timestamp_seconds", Kind.GAUGE, ("station",), "When a station was last heard"
)

METRICS: Final = tuple(found for found in list(globals().values()) if isinstance(found, Metric))


# Shown as 0 for every line before they happen: what is first seen as 1 has not increased, and no alert would fire.
ALARMS: Final = ("ACK_MISSING", "GATE_DIFFERS", "SEQUENCE_GAP", "COUNT_DIFFERS", "LEDGER_AWAY")


class Outcome(NamedTuple):
    """What parts are told apart by."""

    line: str
    disposition: str
    reason: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Parts of one kind, added up. `spent` sums latency / deadline; `within` counts those up to each of EDGES."""

    parts: int
    late: int
    votes: int
    tokens: int
    latency_ms: float
    spent: float
    within: tuple[int, ...]

    def __add__(self, other: Counted) -> Counted:
        return Counted(
            self.parts + other.parts,
            self.late + other.late,
            self.votes + other.votes,
            self.tokens + other.tokens,
            self.latency_ms + other.latency_ms,
            self.spent + other.spent,
            tuple(mine + theirs for mine, theirs in zip(self.within, other.within, strict=True)),
        )


NOTHING: Final = Counted(0, 0, 0, 0, 0.0, 0.0, (0,) * len(EDGES))


class EventKind(NamedTuple):
    """What events are told apart by."""

    line: str
    kind: str
    severity: str


Key = TypeVar("Key")
Value = TypeVar("Value", int, Counted)


@dataclass(frozen=True, slots=True)
class Stretch(Generic[Key, Value]):
    """The rows of a table above some number, added up: those up to another number apart from the later ones.
    `newest` is the highest number there is."""

    earlier: dict[Key, Value]
    later: dict[Key, Value]
    newest: int


class Waiting(NamedTuple):
    """A line's messages that the broker has not confirmed; the oldest belongs to a part decided then."""

    line: str
    messages: int
    oldest_at: datetime


class Pulse(NamedTuple):
    """What a station last said of itself, and when that was heard."""

    station: int
    heard_at: datetime
    in_hand: int
    queued: int
    judging: int
    unconfirmed: int
