"""The rules of the admission queue: which part is judged next, how many at once, and which ones come too late.

The earliest deadline goes first. As many parts are judged at once as still take half of their time: fewer would leave a
batching engine idle, more would make all of them late. When the whole ladder no longer fits for an arriving part, the
pool is overloaded: from then on only first rungs are asked. A part that is too late even for its first rung is refused
at once instead of waiting out its deadline. In an overload cameras take turns, so that a flood delays its own camera.

All times are seconds of any monotonic clock, passed in by the caller.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final

REMEMBERED_PARTS: Final = 16
USUAL_QUANTILE: Final = 0.8  # quantile of recent durations: one stall must not count for the next part
JUDGING_SHARE: Final = 0.5  # of a part's time, while others are judged at the same time
RESERVE_SHARE: Final = 0.1  # of a part's time that stays free
INITIAL_CONCURRENCY: Final = 4
RETRY_WHOLE_LADDER_S: Final = 2.0  # without a refusal, until whole ladders are asked again
OVERLOAD_OVER_S: Final = 10.0  # of whole ladders only, until the overload counts as over


@dataclass(eq=False, slots=True)
class Ticket:
    """One part in the queue, with the number of rungs of its ladder. `camera`: line and camera that sent it.

    It is admitted at `admitted_s`, when `concurrency` parts, itself included, are being judged. `is_short`: only its
    first rung is asked.
    """

    due_s: float
    rungs: int = 1
    camera: tuple[str, str] = ("", "")
    is_short: bool = False
    entered_s: float = 0.0
    admitted_s: float = 0.0
    concurrency: int = 0

    @property
    def time_s(self) -> float:
        """Time until the deadline when the part arrived."""
        return self.due_s - self.entered_s


@dataclass(slots=True)
class AdmissionResult:
    """Tickets that are admitted now, and tickets that are refused."""

    admitted: list[Ticket] = field(default_factory=list)
    refused: list[Ticket] = field(default_factory=list)


class JudgingTimes:
    """Recent judging durations, and how many parts were judged at once."""

    def __init__(self) -> None:
        self._durations_s: deque[float] = deque(maxlen=REMEMBERED_PARTS)
        self._concurrency: deque[int] = deque(maxlen=REMEMBERED_PARTS)

    def __bool__(self) -> bool:
        return bool(self._durations_s)

    def add(self, duration_s: float, concurrency: int) -> None:
        self._durations_s.append(duration_s)
        self._concurrency.append(concurrency)

    @property
    def usual_s(self) -> float:
        """The typical duration of a part: a high quantile; 0 if none is known."""
        return sorted(self._durations_s)[int(len(self._durations_s) * USUAL_QUANTILE)] if self._durations_s else 0.0

    @property
    def interval_s(self) -> float:
        """The mean interval between finished parts, by Little's law; 0 if none is known."""
        return fmean(self._durations_s) / fmean(self._concurrency) if self._durations_s else 0.0


class ConcurrencyLimit:
    """How many parts are judged at once, up to `slots`.

    Slow start, then additive increase and multiplicative decrease, as in TCP's congestion control (RFC 5681).
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._size = float(min(slots, INITIAL_CONCURRENCY))
        self._cut_s = -math.inf

    @property
    def size(self) -> int:
        return int(self._size)

    def learn(self, ticket: Ticket, now_s: float) -> None:
        """Adjust the limit by a finished part. Parts admitted before the last decrease do not count."""
        excess = (now_s - ticket.admitted_s) / (JUDGING_SHARE * ticket.time_s)
        if excess <= 1.0:
            self._grow(ticket.concurrency)
        elif ticket.admitted_s >= self._cut_s:
            self._size = max(1.0, min(self._size, ticket.concurrency) * max(0.5, 1.0 / excess))
            self._cut_s = now_s

    def _grow(self, concurrency: int) -> None:
        if concurrency >= self.size:
            step = 1.0 / self._size if math.isfinite(self._cut_s) else 1.0
            self._size = min(self._slots, self._size + step)


class Admission:
    """The queue in front of a pool that judges up to `slots` parts at once."""

    def __init__(self, slots: int) -> None:
        self._limit = ConcurrencyLimit(slots)
        self._queue: list[Ticket] = []
        self._judging: set[Ticket] = set()
        self._whole, self._first = JudgingTimes(), JudgingTimes()
        self._is_short = False
        self._overloaded_s = -math.inf
        self.is_overloaded = False

    def enter(self, ticket: Ticket, now_s: float) -> AdmissionResult:
        """Add a part; refuse later ones for which no time is left any more."""
        ticket.entered_s = now_s
        self.update(now_s)
        at = self._insert(ticket)
        if not self._is_short and not self._fits(ticket, at, now_s):
            self._detect_overload([ticket], now_s)
        result = self._admit(now_s)
        result.refused += self._too_late(0 if self.is_overloaded else at, now_s)
        self._detect_overload(result.refused, now_s)
        return result

    def leave(self, ticket: Ticket, now_s: float, *, learn: bool) -> AdmissionResult:
        """Remove a part that was judged or given up. `learn`: its duration says something about the pool."""
        if ticket in self._judging:
            self._judging.discard(ticket)
            if learn:
                (self._first if ticket.is_short else self._whole).add(now_s - ticket.admitted_s, ticket.concurrency)
                self._limit.learn(ticket, now_s)
        elif ticket in self._queue:
            self._queue.remove(ticket)
        result = self._admit(now_s)
        self._detect_overload(result.refused, now_s)
        return result

    def update(self, now_s: float) -> None:
        """Notice that the overload has ended."""
        if self._is_short and now_s - self._overloaded_s >= RETRY_WHOLE_LADDER_S:
            self._is_short = False
        self.is_overloaded = self._is_short or (self.is_overloaded and now_s - self._overloaded_s < OVERLOAD_OVER_S)

    def _insert(self, ticket: Ticket) -> int:
        """Add a ticket to the queue, and return how many are before it."""
        self._queue.append(ticket)
        self._arrange()
        return self._queue.index(ticket)

    def _arrange(self) -> None:
        """Order the queue: the earliest deadline first; in an overload the cameras take turns."""
        self._queue.sort(key=lambda each: each.due_s)
        if not self.is_overloaded:
            return
        taken, turns = Counter(each.camera for each in self._judging), dict[Ticket, int]()
        for each in self._queue:
            turns[each] = taken[each.camera]
            taken[each.camera] += 1
        self._queue.sort(key=turns.__getitem__)

    def _admit(self, now_s: float) -> AdmissionResult:
        self._arrange()
        result = AdmissionResult()
        while self._queue and len(self._judging) < self._limit.size:
            ticket = self._queue.pop(0)
            if self._fits(ticket, 0, now_s):
                self._judging.add(ticket)
                ticket.admitted_s, ticket.concurrency = now_s, len(self._judging)
                ticket.is_short = self._is_short and ticket.rungs > 1
                result.admitted.append(ticket)
            else:
                result.refused.append(ticket)
        return result

    def _too_late(self, since: int, now_s: float) -> list[Ticket]:
        """Take out the tickets from position `since` on that would be admitted too late."""
        at, late = since, []
        while at < len(self._queue):
            if self._fits(self._queue[at], at, now_s):
                at += 1
            else:
                late.append(self._queue.pop(at))
        return late

    def _fits(self, ticket: Ticket, ahead: int, now_s: float) -> bool:
        """Return whether there is time for a part that waits behind `ahead` others.

        An idle pool admits every part: it may have become faster.
        """
        if now_s >= ticket.due_s:
            return False
        if not self._judging:
            return True
        usual_s, interval_s = self._expected(ticket)
        before = max(0, ahead + 1 + len(self._judging) - self._limit.size)
        return now_s + before * interval_s + usual_s <= ticket.due_s - RESERVE_SHARE * ticket.time_s

    def _expected(self, ticket: Ticket) -> tuple[float, float]:
        """Return the expected duration of the part and the interval between finished parts, in seconds.

        Until a first rung was asked alone, all rungs are assumed to take equally long.
        """
        whole, first = self._whole, self._first
        if not self._is_short or ticket.rungs == 1:
            return whole.usual_s, whole.interval_s
        return (
            (first.usual_s, first.interval_s)
            if first
            else (whole.usual_s / ticket.rungs, whole.interval_s / ticket.rungs)
        )

    def _detect_overload(self, refused: list[Ticket], now_s: float) -> None:
        """Start or prolong the overload if an idle pool would have had time for a refused part.

        A frame that arrived too late says nothing about the pool.
        """
        if any(now_s + self._expected(ticket)[1] < ticket.due_s for ticket in refused):
            self._is_short = self.is_overloaded = True
            self._overloaded_s = now_s
