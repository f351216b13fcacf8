"""Reports cameras whose pictures became sharper, blurred, brighter or darker and stay so.

A quality limit stops a single bad picture. A lens that slips or a lamp that ages stays within the limits for long, and
changes what the model sees.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Final, NamedTuple

from inspector.messages.outgoing import EventSeverity
from inspector.ports.camera_minutes import CameraMinute
from inspector.station.event_log import EventLog

USUAL_MINUTES: Final = 30  # measured ones, that say what is usual
NEW_MINUTES: Final = 5  # so long a change must last
MAX_FOCUS_CHANGE: Final = 0.25  # of the usual sharpness
MAX_EXPOSURE_CHANGE: Final = 0.1  # of the range from black to white


class PictureLevel(NamedTuple):
    """Mean sharpness and mean grey of a minute's pictures, or of several."""

    sharpness: float
    luminance: float


@dataclass(slots=True)
class _Levels:
    usual: list[PictureLevel] = field(default_factory=list)
    newest: deque[PictureLevel] = field(default_factory=lambda: deque(maxlen=NEW_MINUTES))

    def add(self, level: PictureLevel) -> str | None:
        """Return what changed, in words; the new level is the usual one from then on."""
        if len(self.usual) < USUAL_MINUTES:
            self.usual.append(level)
            return None
        self.newest.append(level)
        if len(self.newest) < NEW_MINUTES:
            return None
        text = drift_text(_median(self.usual), _median(self.newest))
        if text is not None:
            self.usual, self.newest = [*self.newest], deque(maxlen=NEW_MINUTES)
        return text


class PictureDrift:
    """Compares each camera's last minutes with those before, since the station's start."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._levels: dict[tuple[str, str], _Levels] = {}

    def add(self, minutes: Iterable[CameraMinute]) -> None:
        """Take minutes that have ended. Those without a measured picture say nothing."""
        for minute in sorted(minutes, key=lambda each: each.minute):
            sharpness, luminance = minute.mean_sharpness, minute.mean_luminance
            if sharpness is not None and luminance is not None:
                self._add(minute.line, minute.camera, PictureLevel(sharpness, luminance))

    def _add(self, line: str, camera: str, level: PictureLevel) -> None:
        text = self._levels.setdefault((line, camera), _Levels()).add(level)
        if text is not None:
            self._events.add("PICTURE_DRIFT", text, line=line, camera=camera, severity=EventSeverity.WARNING)


def drift_text(usual: PictureLevel, now: PictureLevel) -> str | None:
    """Return what changed beyond the limits, in words; None where nothing did."""
    found = []
    if abs(now.sharpness - usual.sharpness) > MAX_FOCUS_CHANGE * usual.sharpness:
        found.append(f"sharpness went from {usual.sharpness:.4g} to {now.sharpness:.4g}")
    if abs(now.luminance - usual.luminance) > MAX_EXPOSURE_CHANGE:
        found.append(f"mean grey went from {usual.luminance:.2f} to {now.luminance:.2f} (0 black, 1 white)")
    return f"{' and '.join(found)}; check lens and light, or qualify the line anew" if found else None


def _median(levels: Iterable[PictureLevel]) -> PictureLevel:
    return PictureLevel(*map(median, zip(*levels, strict=True)))
