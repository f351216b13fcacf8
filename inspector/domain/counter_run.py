"""One run of a camera's counter: the numbers that arrived, and the holes between them. Pure.

A run takes memory by its open holes, never by its numbers, and their number is bounded.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from inspector.domain.spans import Span

MAX_OPEN_HOLES: Final = 64  # of one run; the two closest are joined above it
REORDER_FRAMES: Final = 16  # a frame that overtook no more than these is late, whatever its time of capture says
MAX_SEEN_AGAIN: Final = 3  # numbers in a row that were there before; more of them are a counter that began again


@dataclass(frozen=True, slots=True)
class Arrival:
    """The number of a received frame, with what tells a late frame from a counter that began again.

    `at_s` is the receipt on the monotonic clock. `captured_s` is the time of capture since the epoch, None if unknown;
    `age_s` is the time from capture to receipt. `redelivered`: the broker says that it sent this frame before.
    """

    seq: int
    at_s: float
    captured_s: float | None = None
    age_s: float = 0.0
    lot: str | None = None
    redelivered: bool = False


class Hole(NamedTuple):
    """Numbers that did not arrive since `since_s`. `lots`: of the frames before and after."""

    first: int
    last: int
    since_s: float
    lots: tuple[str | None, str | None] = (None, None)

    @property
    def span(self) -> Span:
        return Span(self.first, self.last)

    def accepts(self, arrival: Arrival) -> bool:
        """Return whether the frame may be one of the missing: its number and its lot fit."""
        fits_lot = arrival.lot is None or None in self.lots or arrival.lot in self.lots
        return fits_lot and self.first <= arrival.seq <= self.last

    def split(self, seq: int) -> list[Hole]:
        """Return what is left of the hole when this number arrives."""
        halves = (self._replace(last=seq - 1), self._replace(first=seq + 1))
        return [half for half in halves if half.first <= half.last]


class CounterRun:
    """The numbers from `first` to `head` of the run `number`. `captured_s` is the newest time of capture.

    A resumed run continues one of an earlier process: what it received between `first` and `head` is not known. A run
    that `replaces` the earlier ones began where a counter begins: they take late frames only.
    """

    def __init__(
        self,
        number: int,
        arrival: Arrival,
        *,
        first: int | None = None,
        resumed: bool = False,
        replaces: bool = False,
    ) -> None:
        self.number = number
        self.replaces = replaces
        self.first = arrival.seq if first is None else first
        self.head = arrival.seq
        self.captured_s = arrival.captured_s
        self.lot = arrival.lot
        self.frames = 2 if resumed else 1
        self._began_captured_s = None if resumed else arrival.captured_s
        self._seen_again = 0
        self._open: list[Hole] = []
        self._given_up: list[Hole] = []
        if self.first < arrival.seq and not resumed:
            self._open_hole(self.first, arrival.seq - 1, arrival)

    @property
    def is_confirmed(self) -> bool:
        """Whether more than one frame belongs to the run: a single number may be a wrong one."""
        return self.frames > 1

    @property
    def settled(self) -> int:
        """The highest number up to which every frame arrived or was given up."""
        return min([self.head + 1, *(hole.first for hole in self._open)]) - 1

    @property
    def holes(self) -> list[Hole]:
        return list(self._open)

    def is_before(self, arrival: Arrival) -> bool | None:
        """Return whether the frame was captured after every frame of the run; None if the times do not tell.

        Many cameras give the same time to the frames of one second.
        """
        if None in (arrival.captured_s, self.captured_s) or arrival.captured_s == self.captured_s:
            return None
        return (arrival.captured_s or 0.0) > (self.captured_s or 0.0)

    def began_after(self, captured_s: float | None) -> bool:
        """Return whether a frame of this time was captured before the first one of this run."""
        if captured_s is None or self._began_captured_s is None:
            return False
        return captured_s < self._began_captured_s

    def missing_before(self, seq: int) -> int:
        """Return how many numbers are missing if this is the next one; negative for an earlier number."""
        return seq - self.head - 1

    def has_missed(self, arrival: Arrival, idle: int = 0) -> bool:
        """Return whether an earlier number belongs to this run: late, repeated, or before the first one.

        `idle` counts the frames that the camera sent for other runs since. Such a run takes no frame that was captured
        after it, unless that overtook few others, and without a time of capture only what is still missing.
        """
        is_newer = self.is_before(arrival)
        if any(hole.accepts(arrival) for hole in self._open):
            return not is_newer or self.head - arrival.seq + idle <= REORDER_FRAMES
        if is_newer:
            return idle == 0 and arrival.seq == self.head
        if idle and arrival.captured_s is None and not arrival.redelivered:
            return False
        return (
            arrival.seq == self.head
            or any(hole.accepts(arrival) for hole in self._given_up)
            or self._is_repeat(arrival)
            or self._is_before_first(arrival.seq)
        )

    def add(self, arrival: Arrival) -> None:
        """Take a frame of this run: the next one, a later one, or one that `has_missed` names."""
        self.frames += 1
        if arrival.seq > self.head:
            self._advance(arrival)
        elif arrival.seq < self.first:
            self._extend_down(arrival)
        elif not self._fill(arrival):
            self._seen_again += not arrival.redelivered
        if arrival.captured_s is not None:
            self.captured_s = max(arrival.captured_s, self.captured_s or arrival.captured_s)

    def end_at(self, last: int, arrival: Arrival) -> None:
        """The counter ran up to `last` before it began again with this frame: what did not arrive is missing."""
        if last > self.head:
            self._open_hole(self.head + 1, last, arrival)
            self.head = last

    def give_up(self, since_s: float) -> list[Hole]:
        """Return the holes that opened before `since_s`, each once. Their frames may still arrive."""
        if not self.is_confirmed:
            return []
        given_up = [hole for hole in self._open if hole.since_s < since_s]
        self._open = [hole for hole in self._open if hole.since_s >= since_s]
        self._given_up = [*self._given_up, *given_up][-MAX_OPEN_HOLES:]
        return given_up

    def _is_repeat(self, arrival: Arrival) -> bool:
        """Return whether the number was received before, with a frame captured while the run lasted."""
        if not self.first <= arrival.seq < self.head or self._is_missing(arrival.seq):
            return False
        if arrival.redelivered:
            return True
        if self.is_before(arrival) is not False or self._seen_again >= MAX_SEEN_AGAIN:
            return False
        return self._began_captured_s is None or (arrival.captured_s or 0.0) >= self._began_captured_s

    def _is_missing(self, seq: int) -> bool:
        return any(hole.first <= seq <= hole.last for hole in (*self._open, *self._given_up))

    def _is_before_first(self, seq: int) -> bool:
        """Return whether a young run began out of order."""
        return seq < self.first and self.head - seq <= REORDER_FRAMES

    def _advance(self, arrival: Arrival) -> None:
        if arrival.seq > self.head + 1:
            self._open_hole(self.head + 1, arrival.seq - 1, arrival)
        self.head, self.lot, self._seen_again = arrival.seq, arrival.lot or self.lot, 0

    def _extend_down(self, arrival: Arrival) -> None:
        if arrival.seq + 1 < self.first:
            self._open_hole(arrival.seq + 1, self.first - 1, arrival)
        self.first = arrival.seq

    def _fill(self, arrival: Arrival) -> bool:
        """Return whether the number was missing; it no longer is."""
        for holes in (self._open, self._given_up):
            for place, hole in enumerate(holes):
                if hole.first <= arrival.seq <= hole.last:
                    holes[place : place + 1] = hole.split(arrival.seq)
                    self._limit(holes)
                    return True
        return False

    def _open_hole(self, first: int, last: int, arrival: Arrival) -> None:
        insort(self._open, Hole(first, last, arrival.at_s, (self.lot, arrival.lot)))
        self._limit(self._open)

    def _limit(self, holes: list[Hole]) -> None:
        """Join the two closest holes above the limit. The ledger knows the numbers between them as decided."""
        if len(holes) > MAX_OPEN_HOLES:
            distances = [later.first - earlier.last for earlier, later in pairwise(holes)]
            at = distances.index(min(distances))
            earlier, later = holes[at], holes[at + 1]
            joined = Hole(earlier.first, later.last, min(earlier.since_s, later.since_s))
            holes[at : at + 2] = [joined]
