"""Recent storage and publish latencies, and the share of each deadline reserved for them.

All times are seconds of any monotonic clock, passed in by the caller.
"""

from __future__ import annotations

from collections import deque
from typing import Final

REMEMBERED_S: Final = 5.0
MIN_REMEMBERED: Final = 8  # durations kept however old: after a pause the next one may be as long
MIN_PUBLISHING_MS: Final = 50.0  # of each deadline, for journal and publishing; more than the outbox itself keeps
MIN_RESERVE_SHARE: Final = 0.03  # of a deadline: storing and publishing may take longer than lately
MAX_LEAST_MS: Final = 250.0  # of that; a long deadline needs no more
MAX_RESERVE_SHARE: Final = 1 / 3  # of a deadline: one slow write must not cost the next parts their verdicts


class RecentDurations:
    """How long an operation took recently."""

    def __init__(self) -> None:
        self._durations: deque[tuple[float, float]] = deque()

    def add(self, began_s: float, now_s: float) -> None:
        """Add an operation that began at `began_s` and ended now."""
        self._durations.append((now_s, now_s - began_s))

    def longest_s(self, now_s: float) -> float:
        """Return the longest recent duration; 0 if none is known."""
        while len(self._durations) > MIN_REMEMBERED and now_s - self._durations[0][0] > REMEMBERED_S:
            self._durations.popleft()
        return max((duration_s for _, duration_s in self._durations), default=0.0)


class TimeReserve:
    """Time kept of each deadline for the return from a replica, for storing and for publishing.

    At least `least_ms` is kept, half of it for the return from the replica.
    """

    def __init__(self, least_ms: float) -> None:
        self.return_ms = least_ms / 2
        self.storing, self.publishing = RecentDurations(), RecentDurations()

    def reserved_ms(self, deadline_ms: float, now_s: float) -> float:
        """Return what to keep of a deadline for storing and publishing once a decision is back."""
        recent_ms = (self.storing.longest_s(now_s) + self.publishing.longest_s(now_s)) * 1000.0
        least_ms = max(self.return_ms, min(MIN_RESERVE_SHARE * deadline_ms, MAX_LEAST_MS))
        return max(least_ms, min(recent_ms, MAX_RESERVE_SHARE * deadline_ms))

    def publishing_ms(self, deadline_ms: float, now_s: float) -> float:
        """Return what to keep of a deadline for publishing alone."""
        recent_ms = self.publishing.longest_s(now_s) * 1000.0
        return max(MIN_PUBLISHING_MS, min(recent_ms, MAX_RESERVE_SHARE * deadline_ms))
