"""Port of `adapters/ledger`: the reading side, for the console and exports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from inspector.domain.heat_map import HeatMap
from inspector.domain.part import PartRecord
from inspector.domain.review import Review
from inspector.domain.truth import Truth
from inspector.ports.ledger import CameraRow, Event, PipelineVersion
from inspector.utc import span_start

MINUTE: Final = timedelta(minutes=1)
QUARTER: Final = timedelta(minutes=15)  # time zones and shifts begin on one
MINUTES_KEPT: Final = timedelta(days=2)  # for so long parts are counted by the minute


def counted_since(since: datetime, now: datetime) -> datetime:
    """Return where totals since this moment begin: at its minute, or at its quarter of an hour once that is old."""
    return span_start(since, MINUTE if since >= now - MINUTES_KEPT else QUARTER)


class ReviewFilter(StrEnum):
    """Which parts to list by their reviews.

    NONE: no answer stands. ANY: at least one stands. MINE: this reviewer answered. DISPUTED: reviewers differ.
    """

    NONE = "none"
    ANY = "any"
    MINE = "mine"
    DISPUTED = "disputed"


class PartSort(StrEnum):
    """The key that a list of parts is sorted by; `-` puts the greatest first. Parts without a p(NG) have no such key.

    Numbers grow with time. Parts with the same p(NG) are sorted by number.
    """

    NEWEST = "-number"
    OLDEST = "number"
    HIGHEST_P_NG = "-p_ng"
    LOWEST_P_NG = "p_ng"

    @property
    def is_rising(self) -> bool:
        return not self.value.startswith("-")

    @property
    def is_by_p_ng(self) -> bool:
        return self in (PartSort.HIGHEST_P_NG, PartSort.LOWEST_P_NG)


class PartFilter(NamedTuple):
    """Which parts to list; None means any. `reviewer` is whose parts MINE are, `lines` are all that may be listed.

    `before` and `after` are part numbers, for paging: only parts whose key of `sort` is smaller than that of the named
    part, or only those with a greater one. A limit with `after` keeps the parts nearest to that part, and so does one
    with `before`. `defect` is a class that the part's report names. Parts were decided at `since` or later, and before
    `until`.
    """

    line: str | None = None
    camera: str | None = None
    disposition: str | None = None
    reason: str | None = None
    before: int | None = None
    after: int | None = None
    review: ReviewFilter | None = None
    reviewer: str = ""
    trigger_id: str | None = None
    part_id: str | None = None
    lot: str | None = None
    defect: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    p_min: float | None = None
    p_max: float | None = None
    lines: tuple[str, ...] | None = None
    sort: PartSort = PartSort.NEWEST

    @property
    def starts_low(self) -> bool:
        """Whether a page holds the smallest keys that fit, instead of the greatest."""
        return self.after is not None or (self.sort.is_rising and self.before is None)


class PartRow(NamedTuple):
    """One listed part: its number, which grows with time, and its record. Lists leave `votes[].text` out."""

    number: int
    part: PartRecord


class PartReviews(NamedTuple):
    """All rows of one part's reviews, oldest first, and the truth that they come to."""

    truth: Truth
    reviews: tuple[Review, ...]


class Acknowledgement(NamedTuple):
    """Who took note of an event, and when."""

    by: str
    at: datetime


class EventRow(NamedTuple):
    """One listed event: its number, which grows with time, the event, and who took note of it."""

    number: int
    event: Event
    acknowledgement: Acknowledgement | None = None


class EventFilter(NamedTuple):
    """Which events to list; None means any. `lines` are all that may be listed.

    `before` and `after` are numbers: only older events, or only newer ones, then those nearest to that number.
    """

    line: str | None = None
    camera: str | None = None
    kind: str | None = None
    severity: str | None = None
    acknowledged: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    lines: tuple[str, ...] | None = None
    after: int | None = None


class Totals(NamedTuple):
    """Counts since `since`: parts per (line, disposition, reason), waiting messages and lost frames.

    `unjudged` of them got their fail-safe without a vote. Latencies are those of judged parts; they come from buckets,
    so they are right to about a tenth.
    """

    since: datetime
    parts: dict[tuple[str, str, str], int]
    unjudged: dict[tuple[str, str, str], int]
    outbox: int
    lost: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    votes_mean: float | None


class Archive(Protocol):
    """The reading side of the ledger. Synchronous: called in a worker thread. Raises LedgerError."""

    def parts(self, wanted: PartFilter, limit: int) -> list[PartRow]:
        """List parts in the filter's order. Raises NotFoundError for a page that starts at a part without its key."""

    def part(self, result_id: str) -> PartRow | None: ...

    def heat_map(self, result_id: str) -> HeatMap | None:
        """Return the heat map of a part's second opinion; None where there is none."""

    def reviews_of(self, numbers: Sequence[int]) -> dict[int, PartReviews]:
        """Return the reviews of these parts by part number; parts without one are missing."""

    def totals(self, since: datetime, lines: Sequence[str] | None = None) -> Totals:
        """Count from `counted_since` on, of all lines or of these."""

    def list_cameras(self) -> list[CameraRow]: ...

    def event_page(self, wanted: EventFilter, limit: int) -> list[EventRow]:
        """List events, newest first."""

    def event(self, event_id: str) -> EventRow | None: ...

    def list_pipelines(self) -> list[PipelineVersion]:
        """List the newest version of every line."""


class AcknowledgementStore(Protocol):
    """Stores who took note of an event. Synchronous. Raises LedgerError."""

    def acknowledge_event(self, event_id: str, given: Acknowledgement) -> Acknowledgement | None:
        """Store the acknowledgement with its audit entry, and return the one that counts: the first.

        Returns None for an unknown event.
        """
