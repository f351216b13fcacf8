"""How long things were on their way lately, and what of a part's deadline is kept for its own way home. Pure: the time
is told, in seconds of any monotonic clock."""

from __future__ import annotations

from collections import deque
from typing import Final

MEMORY_S: Final = 5.0
LEAST: Final = 8  # ways that are remembered however old: after a silence the next may be as long
MOST: Final = 1 / 3  # of a deadline: a disk that hung once must not cost the next parts their verdicts


class Ways:
    """How long each way took lately."""

    def __init__(self) -> None:
        self._took: deque[tuple[float, float]] = deque()

    def add(self, began_s: float, now_s: float) -> None:
        self._took.append((now_s, now_s - began_s))

    def longest_s(self, now_s: float) -> float:
        """0 where nothing is known."""
        while len(self._took) > LEAST and now_s - self._took[0][0] > MEMORY_S:
            self._took.popleft()
        return max((took for _, took in self._took), default=0.0)


class WayHome:
    """From judged to published: a decision comes back from its replica, is stored, then published. At least `least_ms`
    are kept for that, half of them for the way back."""

    def __init__(self, least_ms: float) -> None:
        self.back_ms = least_ms / 2
        self.storing, self.publishing = Ways(), Ways()

    def margin_ms(self, deadline_ms: float, now_s: float) -> float:
        """What to keep of a deadline once a decision is back."""
        took_ms = (self.storing.longest_s(now_s) + self.publishing.longest_s(now_s)) * 1000.0
        return max(self.back_ms, min(took_ms, MOST * deadline_ms))
