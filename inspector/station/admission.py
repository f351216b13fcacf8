"""Which waiting part is judged next, how many at once, and which can't be judged in time any more. Pure: the time is
told, in seconds of any monotonic clock.

The earliest deadline is first. So many parts are judged at once that each takes half of its time: fewer would leave
an engine that batches idle, more would all be late together. When a whole ladder no longer fits for a part that
comes in, the pool is overloaded: from then on only first rungs are asked. A part that even that is too late for is
refused at once, instead of waiting for its deadline in a queue that is longer than that.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final

MEMORY: Final = 16
USUAL: Final = 0.8  # quantile of the times that judging took: one stall tells nothing of the next part
SHARE: Final = 0.5  # of a part's time, for judging it beside others
RESERVE: Final = 0.1  # of a part's time, kept free
FIRST_LIMIT: Final = 4
RELIEF_S: Final = 2.0  # after so long without a refusal whole ladders are tried again
CALM_S: Final = 10.0  # after so long with whole ladders only, the overload is over


@dataclass(eq=False, slots=True)
class Place:
    """One part's place, with the length of its ladder. `is_short`: it was called with its first rung only. It was
    called at `called_s`, when `company` parts were being judged, itself included."""

    due_s: float
    rungs: int = 1
    is_short: bool = False
    entered_s: float = 0.0
    called_s: float = 0.0
    company: int = 0

    @property
    def time_s(self) -> float:
        """What it had when it came in."""
        return self.due_s - self.entered_s


@dataclass(slots=True)
class Calls:
    """What became of places: judged now, or refused."""

    called: list[Place] = field(default_factory=list)
    refused: list[Place] = field(default_factory=list)


class Experience:
    """How long judging took lately, and among how many at once."""

    def __init__(self) -> None:
        self._took: deque[float] = deque(maxlen=MEMORY)
        self._company: deque[int] = deque(maxlen=MEMORY)

    def __bool__(self) -> bool:
        return bool(self._took)

    def add(self, took_s: float, company: int) -> None:
        self._took.append(took_s)
        self._company.append(company)

    @property
    def usual_s(self) -> float:
        """What a part takes; 0 where nothing is known."""
        return sorted(self._took)[int(len(self._took) * USUAL)] if self._took else 0.0

    @property
    def every_s(self) -> float:
        """How often a part is done, by Little's law; 0 where nothing is known."""
        return fmean(self._took) / fmean(self._company) if self._took else 0.0


class Limit:
    """How many parts are judged at once, at most `slots`: additive increase and multiplicative decrease after a slow
    start, as in TCP's congestion control (RFC 5681)."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._size = float(min(slots, FIRST_LIMIT))
        self._cut_s = -math.inf

    @property
    def size(self) -> int:
        return int(self._size)

    def learn(self, place: Place, now_s: float) -> None:
        """What was called before the last cut says nothing of the limit since."""
        excess = (now_s - place.called_s) / (SHARE * place.time_s)
        if excess <= 1.0:
            self._grow(place.company)
        elif place.called_s >= self._cut_s:
            self._size = max(1.0, min(self._size, place.company) * max(0.5, 1.0 / excess))
            self._cut_s = now_s

    def _grow(self, company: int) -> None:
        if company >= self.size:
            step = 1.0 / self._size if math.isfinite(self._cut_s) else 1.0
            self._size = min(self._slots, self._size + step)


class Admission:
    """The queue before a pool that judges up to `slots` parts at once."""

    def __init__(self, slots: int) -> None:
        self._limit = Limit(slots)
        self._waiting: list[Place] = []
        self._judged: set[Place] = set()
        self._whole, self._first = Experience(), Experience()
        self._is_short = False
        self._trouble_s = -math.inf
        self.is_overloaded = False

    def enter(self, place: Place, now_s: float) -> Calls:
        """A part comes in; those that it overtakes may be too late now."""
        place.entered_s = now_s
        self.look(now_s)
        at = bisect_right(self._waiting, place.due_s, key=lambda other: other.due_s)
        if not self._is_short and not self._fits(place, at, now_s):
            self._note([place], now_s)
        self._waiting.insert(at, place)
        calls = self._call(now_s)
        calls.refused += self._too_late(at, now_s)
        self._note(calls.refused, now_s)
        return calls

    def leave(self, place: Place, now_s: float, *, learn: bool) -> Calls:
        """A part is judged, or given up. `learn`: how long it took says something about the pool."""
        if place in self._judged:
            self._judged.discard(place)
            if learn:
                (self._first if place.is_short else self._whole).add(now_s - place.called_s, place.company)
                self._limit.learn(place, now_s)
        elif place in self._waiting:
            self._waiting.remove(place)
        calls = self._call(now_s)
        self._note(calls.refused, now_s)
        return calls

    def look(self, now_s: float) -> None:
        """Notices that trouble is over."""
        if self._is_short and now_s - self._trouble_s >= RELIEF_S:
            self._is_short = False
        self.is_overloaded = self._is_short or (self.is_overloaded and now_s - self._trouble_s < CALM_S)

    def _call(self, now_s: float) -> Calls:
        calls = Calls()
        while self._waiting and len(self._judged) < self._limit.size:
            place = self._waiting.pop(0)
            if self._fits(place, 0, now_s):
                self._judged.add(place)
                place.called_s, place.company = now_s, len(self._judged)
                place.is_short = self._is_short and place.rungs > 1
                calls.called.append(place)
            else:
                calls.refused.append(place)
        return calls

    def _too_late(self, since: int, now_s: float) -> list[Place]:
        """Takes out those from this place on whose turn would come too late."""
        at, late = since, []
        while at < len(self._waiting):
            if self._fits(self._waiting[at], at, now_s):
                at += 1
            else:
                late.append(self._waiting.pop(at))
        return late

    def _fits(self, place: Place, ahead: int, now_s: float) -> bool:
        """Whether there is time for a part that so many others wait before. An idle pool takes anything: it may have
        become faster than it was."""
        if now_s >= place.due_s:
            return False
        if not self._judged:
            return True
        usual_s, every_s = self._expected(place)
        before = max(0, ahead + 1 + len(self._judged) - self._limit.size)
        return now_s + before * every_s + usual_s <= place.due_s - RESERVE * place.time_s

    def _expected(self, place: Place) -> tuple[float, float]:
        """How long the part will take, and how often one is done, in seconds. Before a first rung was asked alone,
        rungs are taken to be equally long."""
        whole, first = self._whole, self._first
        if not self._is_short or place.rungs == 1:
            return whole.usual_s, whole.every_s
        return (first.usual_s, first.every_s) if first else (whole.usual_s / place.rungs, whole.every_s / place.rungs)

    def _note(self, crowded_out: list[Place], now_s: float) -> None:
        """There is trouble where an idle pool would have had time; a frame that came too late says nothing of it."""
        if any(now_s + self._expected(place)[1] < place.due_s for place in crowded_out):
            self._is_short = self.is_overloaded = True
            self._trouble_s = now_s
