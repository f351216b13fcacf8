"""Durations of rungs, learned by each replica while it asks them. Pure.

A rung starts only when its 95th percentile fits before the deadline. A rung that is cut off half-way costs time and may
leave votes that are not comparable.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Hashable
from typing import Final

REMEMBERED_DURATIONS: Final = 64  # per rung: enough for a p95, few enough to follow a change of load
QUANTILE: Final = 0.95
MAX_REFUSALS: Final = 50  # in a row before a rung is tried again; a rung that is never asked would stay slow for ever


class RungTimes:
    """Recent durations in milliseconds per key, such as (line, rung)."""

    def __init__(self) -> None:
        self._recent: dict[Hashable, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED_DURATIONS))
        self._refused: Counter[Hashable] = Counter()

    def add(self, key: Hashable, ms: float) -> None:
        self._recent[key].append(ms)

    def p95_ms(self, key: Hashable) -> float:
        """Return the 95th percentile of the remembered durations; 0 for a new rung, so that it gets its first try."""
        recent = sorted(self._recent[key])
        return recent[min(int(len(recent) * QUANTILE), len(recent) - 1)] if recent else 0.0

    def admits(self, key: Hashable, remaining_ms: float) -> bool:
        """Return whether a rung may start.

        After MAX_REFUSALS refusals in a row the durations are dropped and the rung is tried. If it is still too slow,
        that part ends at its deadline, as it would have without the try.
        """
        if remaining_ms <= 0.0:
            return False
        if remaining_ms > self.p95_ms(key):
            self._refused[key] = 0
            return True
        self._refused[key] = (self._refused[key] + 1) % MAX_REFUSALS
        if self._refused[key] == 0:
            self._recent[key].clear()
        return self._refused[key] == 0
