"""When each part must be decided, even where clocks are wrong. Times are passed in by the caller.

A deadline counts from capture, and that time comes from the camera's clock, which may be off. `CameraClock` learns by
how much from the arrival of its frames. Time since then is measured with the monotonic clock, which nobody can set.
"""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime, timedelta
from statistics import median_low
from typing import Final, NamedTuple

from inspector.domain.frame import Frame

SAMPLE_INTERVAL_S: Final = 1.0  # at most one sample per second: a backlog that arrives at once counts as one
SAMPLES: Final = 24
MIN_SAMPLES: Final = 16
MAX_TRANSIT_S: Final = 2.0  # no line's network permanently takes longer
MAX_SKEW_SPREAD_S: Final = 1.0  # a wrong clock stays equally wrong; the age of a backlog shrinks
MAX_QUEUED_S: Final = 8 * 86_400.0  # no broker keeps a frame longer
REPORTED_SKEW_CHANGE_S: Final = 0.5


class Deadline(NamedTuple):
    """`at_s` is on the monotonic clock; `ms` is the declared time from capture."""

    at_s: float
    ms: float

    def left_ms(self, now_s: float) -> float:
        """Return the milliseconds left; negative after the deadline."""
        return (self.at_s - now_s) * 1000.0


class ClockNotice(NamedTuple):
    """An event about a clock: its kind and text."""

    kind: str
    text: str


class CameraClock:
    """Estimates how far a camera's clock is off, from the apparent age of its frames on arrival."""

    def __init__(self) -> None:
        self._ages_s: deque[float] = deque(maxlen=SAMPLES)
        self._last_s = -math.inf
        self._reported_s = 0.0

    def add(self, age_s: float, now_s: float) -> None:
        """Add a frame that arrived `age_s` after its capture, according to both clocks."""
        if now_s - self._last_s >= SAMPLE_INTERVAL_S:
            self._ages_s.append(age_s)
            self._last_s = now_s

    @property
    def skew_s(self) -> float:
        """How far this clock is behind ours; negative if ahead, 0 where both may agree.

        An old frame may have waited on the way, and then its deadline is near: only an age that no waiting explains is
        attributed to the clock.
        """
        if not self._ages_s:
            return 0.0
        usual_s = median_low(self._ages_s)
        if usual_s < 0.0 or usual_s > MAX_QUEUED_S:
            return usual_s
        return usual_s if usual_s > MAX_TRANSIT_S and self._is_steady else 0.0

    def true_age_s(self, age_s: float) -> float:
        """Return the age of a frame, at least 0, corrected by the skew of the clock that stamped it.

        A frame that would then have come clearly before its capture has the time of a clock that was set meanwhile.
        """
        corrected_s = age_s - self.skew_s
        return max(0.0, age_s if corrected_s < -MAX_SKEW_SPREAD_S else corrected_s)

    @property
    def _is_steady(self) -> bool:
        inner = sorted(self._ages_s)[1:-1]
        return len(self._ages_s) >= MIN_SAMPLES and inner[-1] - inner[0] <= MAX_SKEW_SPREAD_S

    def take_change(self) -> str | None:
        """Return the text of an event if the skew has changed since the last one."""
        skew_s = self.skew_s
        if abs(skew_s - self._reported_s) < REPORTED_SKEW_CHANGE_S:
            return None
        self._reported_s = skew_s
        if abs(skew_s) < REPORTED_SKEW_CHANGE_S:
            return "the camera's clock agrees with ours again; deadlines count from capture"
        direction = "behind ours" if skew_s > 0.0 else "ahead of ours"
        return f"the camera's clock is {abs(skew_s):.1f} s {direction}; deadlines count from receipt; set its clock"


class Deadlines:
    """Deadlines of one station's parts.

    Our wall clock read `wall` at `now_s` and is not read again: setting it moves no deadline.
    """

    def __init__(self, wall: datetime, now_s: float) -> None:
        self._zero = wall - timedelta(seconds=now_s)
        self._step_s = 0.0
        self._cameras: dict[tuple[str, str], CameraClock] = {}

    def add(self, frame: Frame) -> list[ClockNotice]:
        """Learn from a frame; return new notices. A redelivered frame is old for another reason and teaches nothing."""
        notices = [ClockNotice("CLOCK_JUMP", step)] if (step := self._own_step(frame)) else []
        if frame.captured_at is not None and not frame.redelivered:
            camera = self._cameras.setdefault(frame.key[:2], CameraClock())
            camera.add(self._age_s(frame.captured_at, frame), frame.received_s)
            if change := camera.take_change():
                notices.append(ClockNotice("CLOCK_SKEW", change))
        return notices

    def deadline(self, frame: Frame, ms: float) -> Deadline:
        """Return the deadline `ms` after capture, corrected by the skew of the camera's clock."""
        age_s = 0.0
        if frame.captured_at is not None:
            camera = self._cameras.get(frame.key[:2], CameraClock())
            age_s = camera.true_age_s(self._age_s(frame.captured_at, frame))
        return Deadline(frame.received_s + ms / 1000.0 - age_s, ms)

    def _age_s(self, captured_at: datetime, frame: Frame) -> float:
        return (self._zero - captured_at).total_seconds() + frame.received_s

    def _own_step(self, frame: Frame) -> str | None:
        total_s = self._age_s(frame.received_at, frame) * -1.0
        if abs(total_s - self._step_s) < REPORTED_SKEW_CHANGE_S:
            return None
        step_s, self._step_s = total_s - self._step_s, total_s
        return f"the clock of this machine was set by {step_s:+.1f} s; deadlines go on by the old one"
