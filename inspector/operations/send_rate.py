"""When a simulated or replayed line sends its next frame: at a fixed rate, or at the rate that this machine keeps.

The measured rate begins with a few parts one at a time. Then it sends below what they took. It raises the rate while
parts take hardly longer than alone, and lowers it as soon as one is refused, or is nearly late because parts wait for
each other: a part that took long alone says nothing about the rate. It stays below that rate
for a while, because each further attempt may cost a part, and then tries again: other work on the machine may have
ended. An attempt that brought nothing doubles the while. When lowering does not help, the machine has become slower: it
is measured again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any, Final, Protocol

from inspector.adapters.mqtt.line_client import Exposure, Journey
from inspector.domain.decision import Reason
from inspector.messages.outgoing import VerdictMessage

MEASURED_PARTS: Final = 6  # sent one at a time
MEASURING_DEADLINE_MS: Final = 60_000.0  # of these parts, so that a slow machine judges them too
LONGEST_SILENCE_S: Final = 60.0  # without a verdict; then the next frame is sent all the same
START_SHARE: Final = 0.6  # of the rate at which parts one after another would be judged
MIN_FPS, MAX_FPS = 0.05, 10.0
RAISE_AFTER: Final = 3  # early verdicts in a row
RAISED, LOWERED, HALVED = 1.25, 0.8, 0.5  # factors of the rate
EARLY_SHARE, SLOW_SHARE = 0.35, 0.6  # of a part's deadline
UNHURRIED_TIMES: Final = 2.0  # what one part takes alone: parts that take longer wait for each other
BELOW_LIMIT: Final = 0.75  # of a rate at which a part was refused or slow
PATIENCE: Final = 10  # parts in a row that are judged in good time, before a rate above the limit is tried again
MAX_PATIENCE: Final = 320  # parts, after attempts that brought nothing
GAINED: Final = 2.0  # times the limit that an attempt must have reached to have brought something
DEADLINE_TIMES: Final = 5.0  # a part's deadline is at least this many times what one part takes here
LINE_DEADLINE_MS: Final = 2_000.0  # the longest that lines declare for the demo; a shorter need declares none
MEASURED_AGAIN_AFTER: Final = 2  # lowerings for refused parts without a rise between
SHOWN_CHANGE: Final = 1.25  # a rate is printed again when it has changed by this factor
REFUSALS: Final = (Reason.OVERLOAD, Reason.DEADLINE)


class SendRate(Protocol):
    """Decides when each frame is sent. `on_verdict` is called from other threads."""

    def wait_turn(self, exposure: Exposure) -> Exposure:
        """Wait for the frame's time, and return it as it is to be sent."""

    def on_verdict(self, journey: Journey) -> None:
        """Take notice of a part's first verdict."""


class FixedRate:
    """Sends by the clock: after a slow frame the next ones follow sooner, so that the mean rate holds."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._started_s: float | None = None
        self._sent = 0

    def wait_turn(self, exposure: Exposure) -> Exposure:
        self._started_s = time.monotonic() if self._started_s is None else self._started_s
        time.sleep(max(0.0, self._started_s + self._sent / self._fps - time.monotonic()))
        self._sent += 1
        return exposure

    def on_verdict(self, journey: Journey) -> None:
        """A fixed rate does not change."""


class RateControl:
    """The rate that this machine keeps, from how long parts took. Pure: times are given to it."""

    def __init__(self) -> None:
        self._durations_s: list[float] = []
        self._refused_s: list[float] = []  # deadlines of refused parts
        self._known_s: float | None = None  # before it is measured again
        self._early = 0
        self._refused = 0
        self._changed_s = 0.0
        self._limit_fps = MAX_FPS
        self._in_time = 0
        self._patience = PATIENCE
        self._forgotten_fps: float | None = None
        self.is_measuring = True
        self.fps = MIN_FPS
        self.started_fps: float | None = None
        self.lowered = 0

    @property
    def part_s(self) -> float | None:
        """What one part took alone; None until it is measured. While it is measured again, what it took before.

        A refused part took no time, but would have taken longer than its deadline. It says nothing where others were
        judged in time: an overload of before, which lasts for some seconds, refused it.
        """
        measured = self._durations_s or self._refused_s
        return median(measured) if measured else self._known_s

    @property
    def deadline_ms(self) -> float | None:
        """The deadline that frames need here where their line's is too short for this machine."""
        if self.is_measuring:
            return MEASURING_DEADLINE_MS
        needed_ms = 1000.0 * DEADLINE_TIMES * (self.part_s or 0.0)
        return min(needed_ms, MEASURING_DEADLINE_MS) if needed_ms > LINE_DEADLINE_MS else None

    @property
    def most_open(self) -> int:
        """How many parts may be open at once: all of them must be judged within their deadline."""
        return 1 if self.is_measuring else max(1, int(DEADLINE_TIMES * SLOW_SHARE))

    def add(self, sent_s: float, received_s: float, verdict: VerdictMessage) -> None:
        """Take notice of one verdict."""
        is_refused = verdict.late or verdict.reason in REFUSALS
        if self.is_measuring:
            self._measure(received_s - sent_s, received_s, verdict.deadline_ms, is_refused=is_refused)
        elif sent_s >= self._changed_s:  # an earlier part says nothing about the rate now
            self._adjust(received_s - sent_s, received_s, verdict.deadline_ms, is_refused=is_refused)

    def _measure(self, took_s: float, now_s: float, deadline_ms: float, *, is_refused: bool) -> None:
        if is_refused:
            self._refused_s.append(deadline_ms / 1000.0)
        else:
            self._durations_s.append(took_s)
        if len(self._durations_s) + len(self._refused_s) == MEASURED_PARTS:
            self._set(START_SHARE / max(self.part_s or 0.0, 1e-3), now_s)
            self.started_fps = self.started_fps or self.fps
            self.is_measuring = False

    def _adjust(self, took_s: float, received_s: float, deadline_ms: float, *, is_refused: bool) -> None:
        share = took_s * 1000.0 / deadline_ms if deadline_ms else 1.0
        is_early = share < EARLY_SHARE and took_s < UNHURRIED_TIMES * (self.part_s or 0.0)
        self._early = self._early + 1 if is_early and not is_refused else 0
        if is_refused:
            self._refused += 1
            self._lower(HALVED, received_s)
            if self._refused >= MEASURED_AGAIN_AFTER:
                self._measure_again()
            return
        if share > SLOW_SHARE:
            if self.fps * took_s > 1.0:  # else it was alone: fewer parts would change nothing
                self._lower(LOWERED, received_s)
            return
        self._in_time += 1
        if self._in_time >= self._patience:
            self._try_again()
        if self._early >= RAISE_AFTER:
            self._set(RAISED * self.fps, received_s)
            self._refused = 0

    def _try_again(self) -> None:
        """Forget the rate at which a part was refused or slow."""
        if self._limit_fps < MAX_FPS:
            self._forgotten_fps, self._limit_fps = self._limit_fps, MAX_FPS
        self._in_time = 0

    def _lower(self, factor: float, now_s: float) -> None:
        if self._forgotten_fps is not None:
            gained = self.fps >= GAINED * self._forgotten_fps
            self._patience = PATIENCE if gained else min(2 * self._patience, MAX_PATIENCE)
        self._limit_fps = min(self._limit_fps, max(MIN_FPS, BELOW_LIMIT * self.fps))
        self._in_time, self._forgotten_fps = 0, None
        self._set(factor * self.fps, now_s)
        self.lowered += 1

    def _measure_again(self) -> None:
        self.is_measuring, self._refused, self._known_s = True, 0, self.part_s
        self._durations_s.clear()
        self._refused_s.clear()

    def _set(self, fps: float, now_s: float) -> None:
        fps, self._early = min(self._limit_fps, max(MIN_FPS, fps)), 0
        if fps != self.fps:  # else parts that were sent before say something about the rate
            self.fps, self._changed_s = fps, now_s


class MeasuredRate:
    """Sends at the rate that this machine keeps, and reports it."""

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._control = RateControl()
        self._changed = threading.Condition()
        self._open = 0
        self._next_s = 0.0
        self._shown_fps = 0.0
        self._shown_part_s: float | None = None  # said once for each measurement

    def wait_turn(self, exposure: Exposure) -> Exposure:
        with self._changed:
            if not self._changed.wait_for(lambda: self._open < self._control.most_open, LONGEST_SILENCE_S):
                self._open = 0  # these frames are lost
        self._show()
        time.sleep(max(0.0, self._next_s - time.monotonic()))
        with self._changed:
            self._open += 1
            self._next_s = time.monotonic() + (0.0 if self._control.is_measuring else 1.0 / self._control.fps)
            return replace(exposure, deadline_ms=self._deadline_ms(exposure))

    def on_verdict(self, journey: Journey) -> None:
        received_s, verdict = journey.verdicts[0]
        with self._changed:
            self._open = max(0, self._open - 1)
            self._control.add(journey.sent_s, received_s, verdict)
            self._changed.notify_all()

    def figures(self) -> dict[str, Any]:
        """Return what was measured, for JSON."""
        control = self._control
        return {
            "part_s": control.part_s and round(control.part_s, 3),
            "started_fps": control.started_fps and round(control.started_fps, 2),
            "fps": None if control.is_measuring else round(control.fps, 2),
            "lowered": control.lowered,
            "deadline_ms": None if control.is_measuring else control.deadline_ms and round(control.deadline_ms),
        }

    def _deadline_ms(self, exposure: Exposure) -> float | None:
        needed_ms = self._control.deadline_ms
        return max(filter(None, (exposure.deadline_ms, needed_ms)), default=None)

    def _show(self) -> None:
        """Report the rate when it is known, and after each large change."""
        control, shown = self._control, self._shown_fps
        if control.is_measuring or shown / SHOWN_CHANGE < control.fps < shown * SHOWN_CHANGE:
            return
        what = "sending" if not shown else "raised to" if control.fps > shown else "lowered to"
        measured = "" if control.part_s == self._shown_part_s else f"one part alone takes {control.part_s:.2f} s here; "
        self._shown_fps, self._shown_part_s = control.fps, control.part_s
        self._notify(f"rate: {measured}{what} {control.fps:.2f} frames/s")
