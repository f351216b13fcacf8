"""Detection of frames that never arrived, by the numbers (`seq`) that a camera gives them. Pure.

A counter runs from a start to a restart, a wrap, a reset for a new lot, or a jump. Each of its runs has holes of its
own. Frames arrive out of order or twice, so a new frame belongs to the run in which it is least out of place, and only
where it has no place in any it begins a new one. A hole counts as lost after it stayed open for a while.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.domain.camera_rate import CameraRate
from inspector.domain.counter_run import Arrival, CounterRun, Hole
from inspector.domain.spans import Span

LOST_AFTER_S: Final = 5.0  # a number that is missing for this long counts as lost
MAX_RUNS: Final = 4  # runs of one camera that still take frames
MAX_CLOSED_HOLES: Final = 256  # holes of closed runs that wait to be reported
MAX_START_FRAMES: Final = 100  # frames before the first one of a run that count as missing
COUNTER_BITS: Final = (8, 16, 32)
WRAP_SLACK_FRAMES: Final = 2.0
MAX_WRAP_LOSS: Final = 32  # frames that may be missing around the first wrap of a counter


class CounterChange(StrEnum):
    """How a new run began."""

    RESTARTED = "RESTARTED"
    WRAPPED = "WRAPPED"
    JUMPED = "JUMPED"


class Placement(NamedTuple):
    """The run that a frame belongs to. `change`: it began with this frame; `previous` was the number before."""

    run: int
    change: CounterChange | None = None
    previous: int | None = None


class LostSpan(NamedTuple):
    """Numbers of one run that are missing since `since_s`."""

    run: int
    span: Span
    since_s: float


class RunStart(NamedTuple):
    """Where a run of the counter stands: every number up to `last` is settled, its frames were captured until then."""

    run: int
    last: int
    at_s: float
    captured_s: float | None = None


class CameraSequence:
    """The sequence numbers of one camera. Needs the same memory for any numbers in any order.

    `resumed` is where an earlier process stopped; new runs are numbered above `newest_run`.
    """

    def __init__(self, resumed: RunStart | None = None, newest_run: int = 0) -> None:
        self._runs: list[CounterRun] = []  # the least recently used one first
        self._used: dict[int, int] = {}  # at which frame of the camera each run was used last
        self._frames = 0
        self._newest_run = newest_run
        self._closed: deque[LostSpan] = deque(maxlen=MAX_CLOSED_HOLES)
        self._rate = CameraRate()
        self._has_zero = False  # whether the counter uses 0: those of some cameras begin at 1 after a wrap too
        self._wraps_at: int | None = None
        self._replaced_below = 0  # earlier runs take late frames only
        if resumed is not None:
            self._resume(resumed)

    @property
    def resume_at(self) -> tuple[int, int] | None:
        """The current run, and the number up to which it is settled; None before the first frame.

        A restarted process continues there, so that it looks again for a hole that was still open.
        """
        return (self._runs[-1].number, self._runs[-1].settled) if self._runs else None

    def add(self, arrival: Arrival) -> Placement:
        """Find the run of a received frame, or begin one."""
        self._frames += 1
        self._has_zero = self._has_zero or arrival.seq == 0
        run = self._place(arrival)
        if run is None:
            return self._begin(arrival)
        if (missing := run.missing_before(arrival.seq)) >= 0:
            self._rate.add(arrival, missing, is_next=True)
        run.add(arrival)
        self._use(run)
        if run.replaces:
            self._replaced_below = max(self._replaced_below, run.number)
        return Placement(run.number)

    def take_lost(self, now_s: float) -> list[LostSpan]:
        """Return the numbers that have been missing for longer than LOST_AFTER_S, each once."""
        since_s = now_s - LOST_AFTER_S
        lost = [_lost(run, hole) for run in self._runs for hole in run.give_up(since_s)]
        while self._closed and self._closed[0].since_s < since_s:
            lost.append(self._closed.popleft())
        return lost

    def _resume(self, resumed: RunStart) -> None:
        arrival = Arrival(resumed.last, resumed.at_s, resumed.captured_s)
        self._rate = CameraRate(resumed.at_s)
        self._newest_run = max(self._newest_run, resumed.run)
        self._use(CounterRun(resumed.run, arrival, first=0, resumed=True))

    # ------------------------------------------------------------------ the run of a frame

    def _place(self, arrival: Arrival) -> CounterRun | None:
        """Return the run in which the frame is least out of place; None if it has no place in any.

        A frame belongs to a run of the time in which it was captured, if it has a place in one.
        """
        places = [
            (self._is_of_another_time(run, arrival), place, not run.is_confirmed, -at, run)
            for at, run in enumerate(self._runs)
            if (place := self._displacement(run, arrival)) is not None
        ]
        return min(places, key=lambda each: each[:4])[4] if places else None

    def _displacement(self, run: CounterRun, arrival: Arrival) -> int | None:
        """Return how many frames are between the run's last frame and this one; None if it cannot be one of its."""
        idle, missing = self._frames - 1 - self._used[run.number], run.missing_before(arrival.seq)
        if missing >= 0:
            return missing + idle if self._can_follow(run, missing, arrival) else None
        if run.has_missed(arrival, idle):
            return -missing - 1 + idle
        return None

    def _can_follow(self, run: CounterRun, missing: int, arrival: Arrival) -> bool:
        newest = self._replacement_of(run)
        is_over = run.number < self._replaced_below and not (newest and newest.began_after(arrival.captured_s))
        return not is_over and (missing == 0 or self._rate.can_miss(missing, arrival))

    def _is_of_another_time(self, run: CounterRun, arrival: Arrival) -> bool:
        """Return whether the frame was captured before this run began, or after the counter began again."""
        if run.began_after(arrival.captured_s):
            return True
        newest = self._replacement_of(run)
        if newest is None or arrival.captured_s is None or not newest.began_after(run.captured_s):
            return False
        return not newest.began_after(arrival.captured_s)

    def _replacement_of(self, run: CounterRun) -> CounterRun | None:
        """Return the run with which the counter began again after this one."""
        if run.number >= self._replaced_below:
            return None
        return next((each for each in self._runs if each.number == self._replaced_below), None)

    def _use(self, run: CounterRun) -> None:
        if run in self._runs:
            self._runs.remove(run)
        self._runs.append(run)
        self._used[run.number] = self._frames
        if len(self._runs) > MAX_RUNS:
            self._close(self._runs[0])

    def _close(self, run: CounterRun) -> None:
        self._runs.remove(run)
        del self._used[run.number]
        if run.is_confirmed:
            self._closed.extend(_lost(run, hole) for hole in run.holes)

    # ------------------------------------------------------------------ a new run

    def _begin(self, arrival: Arrival) -> Placement:
        if not self._runs:
            return self._open(arrival, None)
        current, previous = self._runs[-1], self._runs[-1].head
        if arrival.seq > previous:
            return self._open(arrival, CounterChange.JUMPED)
        if (last := self._wrap(current, arrival)) is not None:
            if self._is_as_many_as_expected(self._missing_around(last, current, arrival), arrival):
                self._wraps_at = last  # else it may be a restart just there, which proves nothing about the counter
            current.end_at(last, arrival)
            return self._open(arrival, CounterChange.WRAPPED, self._start, last - previous)
        return self._open(arrival, CounterChange.RESTARTED, self._restart_at(current, arrival))

    def _open(
        self, arrival: Arrival, change: CounterChange | None, start: int | None = None, missing: int = 0
    ) -> Placement:
        """Begin a run. `start`: the number with which it began, if that is known. `missing`: from the run before."""
        first = arrival.seq if start is None else min(start, arrival.seq)
        self._rate.add(arrival, missing + arrival.seq - first, is_next=False)
        previous = self._runs[-1].head if self._runs else None
        self._newest_run += 1
        self._use(CounterRun(self._newest_run, arrival, first=first, replaces=start is not None))
        return Placement(self._newest_run, change, previous)

    @property
    def _start(self) -> int:
        """The number with which a run begins that misses no frame."""
        return 0 if self._has_zero else 1

    def _wrap(self, current: CounterRun, arrival: Arrival) -> int | None:
        """Return the highest number of the counter if it wrapped between these two frames; None if it did not.

        Without a frame missing it did. Otherwise the time between must have room for about as many frames.
        """
        last = next((2**bits - 1 for bits in COUNTER_BITS if current.head < 2**bits), None)
        if last is None:
            return None
        missing = self._missing_around(last, current, arrival)
        if missing == 0:
            return last
        fits = self._fits_wrap(missing, arrival, known=self._wraps_at == last)
        return last if fits and self._rate.can_miss(missing, arrival) else None

    def _fits_wrap(self, missing: int, arrival: Arrival, *, known: bool) -> bool:
        """Return whether this many frames are more likely missing around a wrap than around a restart.

        A restart takes time and begins at the start. `known`: the counter wrapped at this number before.
        """
        expected = self._rate.expected(arrival)
        if known and expected / 2.0 - WRAP_SLACK_FRAMES <= missing <= expected * 2.0 + WRAP_SLACK_FRAMES:
            return True
        if arrival.seq > self._start:
            return expected / 4.0 - WRAP_SLACK_FRAMES <= missing <= MAX_WRAP_LOSS
        return missing <= MAX_WRAP_LOSS and self._is_as_many_as_expected(missing, arrival)

    def _is_as_many_as_expected(self, missing: int, arrival: Arrival) -> bool:
        expected = self._rate.expected(arrival)
        return abs(missing - expected) <= 1.0 + expected / 8.0

    def _missing_around(self, last: int, current: CounterRun, arrival: Arrival) -> int:
        """Return how many frames are missing if the counter wrapped at `last` between these two."""
        return last - current.head + max(0, arrival.seq - self._start)

    def _restart_at(self, current: CounterRun, arrival: Arrival) -> int | None:
        """Return the number at which the restarted counter began; None if that is unknown."""
        missing = max(0, arrival.seq - self._start)
        is_doubtful = arrival.redelivered or current.is_before(arrival) is False
        is_possible = missing <= MAX_START_FRAMES and self._rate.can_miss(missing, arrival)
        return self._start if is_possible and not is_doubtful else None


def _lost(run: CounterRun, hole: Hole) -> LostSpan:
    return LostSpan(run.number, hole.span, hole.since_s)
