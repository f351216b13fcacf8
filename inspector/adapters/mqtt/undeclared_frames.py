"""Frames of cameras that no line declares: some of them reach the station, all others are only counted.

A sender may use any number of names at any rate. Such frames are never judged, so they must not make judged ones late.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

TURNS: Final = 20  # frames of undeclared cameras that reach the station within TURN_S
TURN_S: Final = 0.1
MAX_COUNTED_LINES: Final = 64  # within TURN_S; frames of further lines are counted together
FURTHER_LINES: Final = "*"

Later = Callable[[float, Callable[[], None]], None]


class UndeclaredFrames:
    """Gives frames of undeclared cameras turns. `count` receives how many of a line had none; `later` calls back."""

    def __init__(self, count: Callable[[str, int], None], later: Later) -> None:
        self._count = count
        self._later = later
        self._lock = threading.Lock()
        self._turns = TURNS
        self._without_turn: Counter[str] = Counter()

    def has_turn(self, line: str) -> bool:
        """Return whether the next frame of this line reaches the station. Any thread may ask."""
        with self._lock:
            begins = self._turns == TURNS
            has_turn = self._turns > 0
            if has_turn:
                self._turns -= 1
            else:
                is_counted = line in self._without_turn or len(self._without_turn) < MAX_COUNTED_LINES
                self._without_turn[line if is_counted else FURTHER_LINES] += 1
        if begins:
            self._later(TURN_S, self._renew)
        return has_turn

    def _renew(self) -> None:
        with self._lock:
            self._turns, counted, self._without_turn = TURNS, self._without_turn, Counter()
        for line, frames in counted.items():
            self._count(line, frames)
