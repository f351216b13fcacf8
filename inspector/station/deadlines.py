"""By when a part must be decided, whatever the clocks say. Pure: the time is told.

A deadline counts from capture. That time comes from the camera's clock, which may be wrong: how far it is off is
learned from when its frames arrive. What has passed since then is measured with the monotonic clock, which nobody sets.
"""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime, timedelta
from statistics import median_low
from typing import Final, NamedTuple

from inspector.domain.frame import Frame

EVERY_S: Final = 1.0  # one frame a second is remembered: a backlog that comes all at once counts as one
MEMORY: Final = 24
ENOUGH: Final = 16
LONGEST_WAY_S: Final = 2.0  # no network of a line takes that long all the time
STEADY_S: Final = 1.0  # a clock that is behind stays so; a backlog shrinks
OLDEST_S: Final = 8 * 86_400.0  # no broker keeps a frame that long
TOLD_S: Final = 0.5


class Deadline(NamedTuple):
    """`at_s` on the monotonic clock; `ms` as it was declared, from capture."""

    at_s: float
    ms: float

    def left_ms(self, now_s: float) -> float:
        return (self.at_s - now_s) * 1000.0


class ClockNotice(NamedTuple):
    """Something about a clock that a person should hear."""

    kind: str
    text: str


class CameraClock:
    """One camera's clock beside ours, by how long its frames seem to have been on their way."""

    def __init__(self) -> None:
        self._behind: deque[float] = deque(maxlen=MEMORY)
        self._last_s = -math.inf
        self._told_s = 0.0

    def add(self, behind_s: float, now_s: float) -> None:
        """A frame came `behind_s` after its capture, as the two clocks have it."""
        if now_s - self._last_s >= EVERY_S:
            self._behind.append(behind_s)
            self._last_s = now_s

    @property
    def skew_s(self) -> float:
        """How far this clock is behind ours, ahead of it below 0; 0 where the two agree as far as one can tell. A
        frame that is old may just have waited, and then its deadline is near: only what no waiting explains is the
        clock's."""
        if not self._behind:
            return 0.0
        usual = median_low(self._behind)
        if usual < 0.0 or usual > OLDEST_S:
            return usual
        return usual if usual > LONGEST_WAY_S and self._is_steady else 0.0

    @property
    def _is_steady(self) -> bool:
        inner = sorted(self._behind)[1:-1]
        return len(self._behind) >= ENOUGH and inner[-1] - inner[0] <= STEADY_S

    def news(self) -> str | None:
        """What to tell when the skew has become another one."""
        skew_s = self.skew_s
        if abs(skew_s - self._told_s) < TOLD_S:
            return None
        self._told_s = skew_s
        if abs(skew_s) < TOLD_S:
            return "the camera's clock agrees with ours again; deadlines count from capture"
        where = "behind ours" if skew_s > 0.0 else "ahead of ours"
        return f"the camera's clock is {abs(skew_s):.1f} s {where}; deadlines count from receipt; set its clock"


class Clocks:
    """The cameras' clocks beside ours, which said `wall` at `now_s` and is not looked at again: should it be set,
    then no deadline moves."""

    def __init__(self, wall: datetime, now_s: float) -> None:
        self._zero = wall - timedelta(seconds=now_s)
        self._jumped_s = 0.0
        self._cameras: dict[tuple[str, str], CameraClock] = {}

    def add(self, frame: Frame) -> list[ClockNotice]:
        """Learns from a frame; returns what is new. A redelivered frame is old for another reason."""
        told = [ClockNotice("CLOCK_JUMP", jump)] if (jump := self._own_jump(frame)) else []
        if frame.captured_at is not None and not frame.redelivered:
            camera = self._cameras.setdefault(frame.key[:2], CameraClock())
            camera.add(self._behind_s(frame.captured_at, frame), frame.received_s)
            if news := camera.news():
                told.append(ClockNotice("CLOCK_SKEW", news))
        return told

    def deadline(self, frame: Frame, ms: float) -> Deadline:
        """`ms` after capture. A frame from a camera whose clock is off counts as old as it came later than usual."""
        age_s = 0.0
        if frame.captured_at is not None:
            camera = self._cameras.get(frame.key[:2])
            age_s = max(0.0, self._behind_s(frame.captured_at, frame) - (camera.skew_s if camera else 0.0))
        return Deadline(frame.received_s + ms / 1000.0 - age_s, ms)

    def _behind_s(self, captured_at: datetime, frame: Frame) -> float:
        return (self._zero - captured_at).total_seconds() + frame.received_s

    def _own_jump(self, frame: Frame) -> str | None:
        jumped_s = self._behind_s(frame.received_at, frame) * -1.0
        if abs(jumped_s - self._jumped_s) < TOLD_S:
            return None
        step_s, self._jumped_s = jumped_s - self._jumped_s, jumped_s
        return f"the clock of this machine was set by {step_s:+.1f} s; deadlines go on by the old one"
