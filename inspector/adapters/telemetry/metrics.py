"""What is measured of the service: every metric's name, and the values that metrics are made of. Pure.

Latencies are counted in shares of the deadline that the part had, so that all lines share their edges and 1 is the
deadline whichever line it is."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


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
