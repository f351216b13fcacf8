"""How long a rung takes, learned while it is asked. Pure.

A rung is started only when its 95th percentile fits before the deadline: a rung cut off half-way cost time and
may have left votes that are not comparable.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable
from typing import Final

MEMORY: Final = 64  # the latest durations per rung: enough for a p95, short enough to follow a change of load
QUANTILE: Final = 0.95


class Pace:
    """Recent durations in milliseconds per key, such as (line, rung)."""

    def __init__(self) -> None:
        self._recent: dict[Hashable, deque[float]] = defaultdict(lambda: deque(maxlen=MEMORY))

    def add(self, key: Hashable, ms: float) -> None:
        self._recent[key].append(ms)

    def p95_ms(self, key: Hashable) -> float:
        """95th percentile of what is remembered; 0 for a rung never asked, so that it gets its first try."""
        recent = sorted(self._recent[key])
        return recent[min(int(len(recent) * QUANTILE), len(recent) - 1)] if recent else 0.0

    def fits(self, key: Hashable, remaining_ms: float) -> bool:
        return remaining_ms > self.p95_ms(key)
