"""How many frames a camera can have sent since its last one, by the rate at which it counts. Pure.

The time that counts is that of receipt: a sender cannot make it longer.
"""

from __future__ import annotations

from typing import Final

from inspector.domain.counter_run import Arrival

BURST_FRAMES: Final = 256  # missing frames that need no time: a short burst, or the first numbers of a camera
MARGIN: Final = 4.0  # how many times faster than usual a camera may count
UNKNOWN_INTERVAL_S: Final = 0.02  # between frames, before the camera's own is known
MIN_INTERVAL_S: Final = 0.001
SMOOTHING: Final = 0.125  # weight of the newest interval
BACKLOG_AGE_S: Final = 5.0  # a frame captured longer ago was kept somewhere, as others were before it


class CameraRate:
    """The usual interval between a camera's numbers, and how many numbers may be missing."""

    def __init__(self, at_s: float | None = None) -> None:
        self._at_s = at_s
        self._captured_s: float | None = None
        self._interval_s = UNKNOWN_INTERVAL_S
        self._credit = float(BURST_FRAMES)

    def can_miss(self, frames: int, arrival: Arrival) -> bool:
        """Return whether the camera can have sent this many frames between the last one and this one."""
        return frames <= self._possible(arrival)

    def expected(self, arrival: Arrival) -> float:
        """Return how many frames the camera usually sends between the last one and this one."""
        return max(0.0, self._elapsed_s(arrival) / self._interval_s - 1.0)

    def add(self, arrival: Arrival, missing: int, *, is_next: bool) -> None:
        """Note a frame before which so many are missing. `is_next`: its number continues a run, so that it tells the
        interval.

        While a backlog arrives, the time in which it was collected still counts.
        """
        left = self._possible(arrival) - missing
        self._credit = left if arrival.age_s > BACKLOG_AGE_S else min(left, BURST_FRAMES)
        if is_next:
            self._learn(self._elapsed_s(arrival) / (missing + 1))
        self._captured_s = arrival.captured_s
        self._at_s = arrival.at_s

    def _learn(self, interval_s: float) -> None:
        usual_s = min(max(interval_s, MIN_INTERVAL_S), MARGIN * self._interval_s)  # a pause is not an interval
        self._interval_s += SMOOTHING * (usual_s - self._interval_s)

    def _possible(self, arrival: Arrival) -> float:
        return self._credit + MARGIN * self._since_receipt_s(arrival) / self._interval_s

    def _elapsed_s(self, arrival: Arrival) -> float:
        """Return the time since the last frame: between captures where both are known, else between receipts."""
        if arrival.captured_s is not None and self._captured_s is not None:
            return max(0.0, arrival.captured_s - self._captured_s)
        return self._since_receipt_s(arrival)

    def _since_receipt_s(self, arrival: Arrival) -> float:
        return 0.0 if self._at_s is None else max(0.0, arrival.at_s - self._at_s)
