"""Finds frames that never came, by the gaps in a camera's `seq`. Pure.

A frame may come out of order or again, so a gap counts as lost only when it stays open for a while. A counter
that jumps backwards far is a camera that restarted.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final, NamedTuple

LOST_AFTER_S: Final = 5.0
MIN_RESTART_STEP: Final = 1_000  # a step back by more than this is a restart, not a straggler
MAX_GAP_FRAMES: Final = 100_000  # a step forward by more than this is a changed counter, not that many lost frames


class Span(NamedTuple):
    """Neighbouring numbers, first to last."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


class SequenceTracker:
    """The sequence numbers of one camera. `last` is the highest number seen since its last restart."""

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self._open: dict[int, float] = {}

    def add(self, seq: int, now_s: float) -> None:
        """`now_s` is any monotonic clock, in seconds."""
        if self.last is None or seq < self.last - MIN_RESTART_STEP or seq > self.last + MAX_GAP_FRAMES:
            self.last = seq
        elif seq > self.last:
            self._open |= dict.fromkeys(range(self.last + 1, seq), now_s)
            self.last = seq
        else:
            self._open.pop(seq, None)

    @property
    def settled(self) -> int | None:
        """The highest number up to which all came or were given up: where a later life goes on, so that a gap that
        was still open is looked for again."""
        return None if self.last is None else min([self.last + 1, *self._open]) - 1

    def take_lost(self, now_s: float) -> list[int]:
        """Numbers given up now, each told once: missing for longer than PATIENCE_S."""
        gone = [seq for seq, since in self._open.items() if now_s - since > LOST_AFTER_S]
        for seq in gone:
            del self._open[seq]
        return gone


def spans(numbers: Iterable[int]) -> list[Span]:
    """The numbers in order, neighbours together."""
    steps = groupby(enumerate(sorted(numbers)), key=lambda step: step[1] - step[0])
    groups = [[number for _, number in group] for _, group in steps]
    return [Span(group[0], group[-1]) for group in groups]
