"""Picture measurements (`ports.camera.PictureReader`): measures frames and fetches the pictures of claim checks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2

from inspector.adapters.camera.decode import Limits, grey, opened
from inspector.adapters.camera.fetch import fetch
from inspector.adapters.camera.measure import LastFrames, luminance, sharpness
from inspector.domain.frame import Claim, Frame
from inspector.domain.pipeline import Quality
from inspector.domain.quality import Measurements, size_fault
from inspector.errors import PictureError


class CameraPictureReader:
    """Safe to call from many threads. `allowed_roots`: folders or URLs that claim checks may point into."""

    def __init__(self, allowed_roots: Sequence[str] = (), limits: Limits | None = None) -> None:
        self._allowed_roots = tuple(allowed_roots)
        self._limits = limits or Limits()
        self._last_frames = LastFrames()
        cv2.setNumThreads(1)  # frames are looked at side by side; threads inside one only get in each other's way

    def measure(self, frame: Frame, rules: Quality) -> Measurements:
        """Measures the picture. Raises PictureError when it can't be read; what is too small is not even decoded."""
        with opened(frame.payload, frame.content_type, self._limits) as image:
            width_px, height_px = image.size
            if reason := size_fault(width_px, height_px, rules):
                raise PictureError(reason)
            picture = grey(image)
        return Measurements(
            width_px,
            height_px,
            sharpness=sharpness(picture),
            luminance=luminance(picture),
            change=self._last_frames.change(frame.key, picture),
        )

    def fetch(self, claim: Claim) -> bytes:
        """The picture of a claim check. Raises PictureError when it can't be had or is another one."""
        return fetch(claim, self._allowed_roots, self._limits.max_bytes)
