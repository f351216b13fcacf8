"""Every metric: name, kind, labels and help text.

Latencies are counted in shares of each part's deadline: all lines then share their buckets, and 1 is every line's
deadline.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    SUMMARY = "summary"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """One metric as it is scraped. `name` is complete: a counter's ends in _total."""

    name: str
    kind: MetricKind
    labels: tuple[str, ...]
    help: str


LEDGER_UP: Final = Metric("inspector_ledger_up", MetricKind.GAUGE, (), "1 while the ledger can be read, else 0")
PARTS: Final = Metric(
    "inspector_parts_total", MetricKind.COUNTER, ("line", "disposition", "reason"), "Decided parts in the ledger"
)
LATENCY_SHARE: Final = Metric(
    "inspector_verdict_latency_ratio",
    MetricKind.HISTOGRAM,
    ("line",),
    "Time from receipt to decision as a share of the part's deadline: 1 is the deadline",
)
LATENCY: Final = Metric(
    "inspector_verdict_latency_seconds", MetricKind.SUMMARY, ("line",), "Time from receipt to decision"
)
DEADLINE: Final = Metric(
    "inspector_line_deadline_seconds", MetricKind.GAUGE, ("line",), "The deadline that a line declares"
)
DEADLINE_MISSES: Final = Metric(
    "inspector_deadline_misses_total", MetricKind.COUNTER, ("line",), "Parts decided after their deadline, from capture"
)
VOTES: Final = Metric("inspector_votes_total", MetricKind.COUNTER, ("line",), "Votes that decided parts")
TOKENS: Final = Metric("inspector_vote_tokens_total", MetricKind.COUNTER, ("line",), "Tokens generated for these votes")
FRAMES: Final = Metric(
    "inspector_frames_total", MetricKind.COUNTER, ("line", "camera"), "Frames received, redeliveries among them"
)
LOST: Final = Metric(
    "inspector_frames_lost_total",
    MetricKind.COUNTER,
    ("line", "camera"),
    "Numbers in a camera's sequence that did not arrive",
)
CAMERA_SEEN: Final = Metric(
    "inspector_camera_last_seen_timestamp_seconds",
    MetricKind.GAUGE,
    ("line", "camera"),
    "Last message of a camera",
)
UNKNOWN_CAMERAS: Final = Metric(
    "inspector_unknown_cameras",
    MetricKind.GAUGE,
    (),
    "Cameras that no pipeline names; on each line at most 64, and 1 for all further ones",
)
UNKNOWN_FRAMES: Final = Metric(
    "inspector_unknown_camera_frames_total",
    MetricKind.COUNTER,
    ("line",),
    "Frames of cameras that have no figures of their own, on this line together",
)
OUTBOX: Final = Metric(
    "inspector_outbox_messages", MetricKind.GAUGE, ("line",), "Stored messages that the broker has not confirmed"
)
OUTBOX_AGE: Final = Metric(
    "inspector_outbox_age_seconds", MetricKind.GAUGE, ("line",), "Age of the oldest of these; 0 where none waits"
)
UNACCOUNTED: Final = Metric(
    "inspector_unaccounted_parts",
    MetricKind.GAUGE,
    ("line",),
    "Triggers seen that are neither decided nor lost nor in flight; must be 0",
)
BALANCED: Final = Metric(
    "inspector_books_balanced", MetricKind.GAUGE, ("line",), "1 where the sums of `inspector ledger` agree, else 0"
)
BALANCE_CHECKED: Final = Metric(
    "inspector_books_checked_timestamp_seconds", MetricKind.GAUGE, (), "When these sums were last computed"
)
EVENTS: Final = Metric("inspector_events_total", MetricKind.COUNTER, ("line", "kind", "severity"), "Alarms and notices")
IN_FLIGHT: Final = Metric(
    "inspector_station_frames_in_hand", MetricKind.GAUGE, ("station",), "Frames received and not yet decided"
)
REPLICA_QUEUE: Final = Metric(
    "inspector_replica_queue", MetricKind.GAUGE, ("station",), "Frames that wait for a model replica"
)
JUDGING: Final = Metric(
    "inspector_station_frames_judging",
    MetricKind.GAUGE,
    ("station",),
    "Frames sent to model replicas and not yet answered",
)
UNCONFIRMED: Final = Metric(
    "inspector_station_unconfirmed_messages", MetricKind.GAUGE, ("station",), "Messages in memory not yet confirmed"
)
LEDGER_AWAY: Final = Metric(
    "inspector_station_ledger_away",
    MetricKind.GAUGE,
    ("station",),
    "1 while a station cannot store parts, so that every part gets the fail-safe, else 0",
)
MODEL_AWAY: Final = Metric(
    "inspector_station_model_away",
    MetricKind.GAUGE,
    ("station",),
    "1 while the model's server can't be used, so that parts get the fail-safe, else 0",
)
HEARTBEAT: Final = Metric(
    "inspector_station_heartbeat_timestamp_seconds",
    MetricKind.GAUGE,
    ("station",),
    "Last heartbeat of a station",
)
METRICS: Final = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
