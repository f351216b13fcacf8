"""Port of `adapters/ledger`: what cameras send by the minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class CameraMinute(NamedTuple):
    """What a camera sent in one minute.

    `frozen` pictures equal the one before. `sharpness` and `luminance` are sums over the `measured` pictures. Size and
    format are those of the last picture. `skew_ms` is the least time from capture, by the camera's clock, to receipt:
    below 0 the camera's clock is ahead. `mqtt_version` is 3.1.1 where messages carry no properties.
    """

    line: str
    camera: str
    minute: datetime
    frames: int = 0
    lost: int = 0
    frozen: int = 0
    measured: int = 0
    sharpness: float = 0.0
    luminance: float = 0.0
    width_px: int | None = None
    height_px: int | None = None
    picture_format: str | None = None
    skew_ms: float | None = None
    mqtt_version: str | None = None

    @property
    def frames_per_s(self) -> float:
        return self.frames / 60.0

    @property
    def mean_sharpness(self) -> float | None:
        """Focus: low for blurred pictures."""
        return self.sharpness / self.measured if self.measured else None

    @property
    def mean_luminance(self) -> float | None:
        """Exposure: mean grey, 0 black to 1 white."""
        return self.luminance / self.measured if self.measured else None


class CameraMinuteStore(Protocol):
    """Series by the minute. Raises LedgerError."""

    async def add_camera_minutes(self, minutes: Sequence[CameraMinute]) -> None:
        """Store minutes that have ended. A stored one of the same camera is added to."""
