"""What each camera sends, summed by the minute: size, format, focus, exposure, repeats, losses, clock.

Adding a frame changes a few numbers in memory; minutes are stored together once they have ended. The cameras are those
of `CameraNames`, so their number is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from inspector.domain.frame import Frame
from inspector.domain.picture_format import picture_format
from inspector.domain.pipeline import Quality
from inspector.domain.quality import Measurements
from inspector.errors import LedgerError
from inspector.ports.archive import MINUTE
from inspector.ports.camera_minutes import CameraMinute, CameraMinuteStore
from inspector.utc import span_start, utc_now

MAX_WAITING_MINUTES: Final = 20_000  # while the ledger is away; the oldest ones are dropped

MinutesListener = Callable[[Sequence[CameraMinute]], None]


def ignore_minutes(_minutes: Sequence[CameraMinute]) -> None:
    """Do nothing."""


class CameraMinutes:
    """The minutes of one station's cameras. Not thread-safe: call it on the station's event loop."""

    def __init__(
        self,
        ledger: CameraMinuteStore,
        now: Callable[[], datetime] = utc_now,
        *,
        on_stored: MinutesListener = ignore_minutes,
    ) -> None:
        """Prepare the series. `on_stored` is called with minutes that have ended and are stored."""
        self._ledger = ledger
        self._now = now
        self._on_stored = on_stored
        self._minutes: dict[tuple[str, str, datetime], CameraMinute] = {}

    def add_frame(self, line: str, camera: str, frame: Frame) -> None:
        """Count a frame as it was received, under the name that its camera is counted by."""
        minute = self._minute(line, camera)
        kind = picture_format(frame.payload)
        self._put(
            minute._replace(
                frames=minute.frames + 1,
                picture_format=str(kind) if kind else minute.picture_format,
                skew_ms=_least(minute.skew_ms, _skew_ms(frame)),
                mqtt_version=frame.mqtt_version or minute.mqtt_version,
            )
        )

    def add_measured(self, line: str, camera: str, picture: Measurements, rules: Quality) -> None:
        """Add the measurements of a picture. It is frozen where it does not differ from the one before."""
        minute = self._minute(line, camera)
        frozen = picture.change is not None and picture.change <= rules.min_change
        self._put(
            minute._replace(
                frozen=minute.frozen + frozen,
                measured=minute.measured + 1,
                sharpness=minute.sharpness + picture.sharpness,
                luminance=minute.luminance + picture.luminance,
                width_px=picture.width_px,
                height_px=picture.height_px,
            )
        )

    def add_lost(self, line: str, camera: str, frames: int) -> None:
        """Count frames that never arrived, in the minute in which that is known."""
        minute = self._minute(line, camera)
        self._put(minute._replace(lost=minute.lost + frames))

    async def flush(self, *, all_of_them: bool = False) -> None:
        """Store the minutes that have ended. Raises LedgerError; they then wait for the next call."""
        current = span_start(self._now(), MINUTE)
        ended = {key: each for key, each in self._minutes.items() if all_of_them or each.minute < current}
        if not ended:
            return
        for key in ended:
            del self._minutes[key]
        try:
            await self._ledger.add_camera_minutes([*ended.values()])
        except LedgerError:
            self._restore(ended)
            raise
        self._on_stored([*ended.values()])

    def _restore(self, ended: dict[tuple[str, str, datetime], CameraMinute]) -> None:
        kept = dict([*ended.items()][-MAX_WAITING_MINUTES:])
        self._minutes = kept | self._minutes

    def _minute(self, line: str, camera: str) -> CameraMinute:
        at = span_start(self._now(), MINUTE)
        return self._minutes.get((line, camera, at)) or CameraMinute(line, camera, at)

    def _put(self, minute: CameraMinute) -> None:
        self._minutes[minute.line, minute.camera, minute.minute] = minute


def _skew_ms(frame: Frame) -> float | None:
    if frame.captured_at is None:
        return None
    return (frame.received_at - frame.captured_at).total_seconds() * 1000.0


def _least(one: float | None, other: float | None) -> float | None:
    known = [each for each in (one, other) if each is not None]
    return min(known, default=None)
