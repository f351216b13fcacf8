"""Detection of frames that never arrived, by the gaps in a camera's `seq`. Pure.

Frames may arrive out of order or twice, so a gap counts as lost only after it stayed open for a while. A counter that
jumps back far belongs to a camera that restarted.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final, NamedTuple

LOST_AFTER_S: Final = 5.0  # a number that is missing for this long counts as lost
MIN_RESTART_STEP: Final = 1_000  # frames; a step back by more than this is a restart, not a late frame
MAX_GAP_FRAMES: Final = 100_000  # a step forward by more than this is a changed counter, not a loss


class Span(NamedTuple):
    """Consecutive numbers, first to last."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


class SequenceTracker:
    """The sequence numbers of one camera. `last` is the highest number since its last restart."""

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self._open: dict[int, float] = {}

    def add(self, seq: int, now_s: float) -> None:
        """Record the number of a received frame. `now_s` is any monotonic clock, in seconds."""
        if self.last is None or seq < self.last - MIN_RESTART_STEP or seq > self.last + MAX_GAP_FRAMES:
            self.last = seq
        elif seq > self.last:
            self._open |= dict.fromkeys(range(self.last + 1, seq), now_s)
            self.last = seq
        else:
            self._open.pop(seq, None)

    @property
    def settled(self) -> int | None:
        """The highest number up to which every frame arrived or was given up.

        A restarted process continues there, so that it looks again for a gap that was still open.
        """
        return None if self.last is None else min([self.last + 1, *self._open]) - 1

    def take_lost(self, now_s: float) -> list[int]:
        """Return the numbers that have been missing for longer than LOST_AFTER_S, each once."""
        lost = [seq for seq, since in self._open.items() if now_s - since > LOST_AFTER_S]
        for seq in lost:
            del self._open[seq]
        return lost


def spans(numbers: Iterable[int]) -> list[Span]:
    """Combine consecutive numbers into spans, in ascending order."""
    steps = groupby(enumerate(sorted(numbers)), key=lambda step: step[1] - step[0])
    groups = [[number for _, number in group] for _, group in steps]
    return [Span(group[0], group[-1]) for group in groups]
