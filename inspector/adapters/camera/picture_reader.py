"""Picture measurements (`ports.camera.PictureReader`): measures frames and fetches the pictures of claim checks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.adapters.camera.fetch import fetch, root_of
from inspector.adapters.camera.measure import LastFrames, luminance, measured_grey, sharpness
from inspector.adapters.pictures import PictureLimits, PictureSize, opened
from inspector.domain.cameras import Region
from inspector.domain.frame import Claim, Frame
from inspector.domain.pipeline import PictureSettings, Quality
from inspector.domain.quality import Measurements, size_fault
from inspector.errors import PictureError
from inspector.ports.camera import DEFAULT_SETTINGS
from inspector.ports.engine import Picture


class CameraPictureReader:
    """Thread-safe. `allowed_roots` are the folders or URLs that claim checks may point into."""

    def __init__(self, allowed_roots: Sequence[str] = (), limits: PictureLimits | None = None) -> None:
        self._allowed_roots = tuple(allowed_roots)
        self._limits = limits or PictureLimits()
        self._last_frames = LastFrames()
        cv2.setNumThreads(1)  # frames are measured in parallel; threads within one only compete

    def measure(
        self,
        frame: Frame,
        rules: Quality,
        settings: PictureSettings = DEFAULT_SETTINGS,
        region: Region | None = None,
    ) -> Measurements:
        """Measure the picture. Raises PictureError if it is unreadable; one that is too small is not even decoded."""
        with opened(frame.payload, frame.content_type, self._limits, settings.bit_depth, region) as opened_picture:
            width_px, height_px = opened_picture.size
            what = "region of the picture" if region else "picture"
            if reason := size_fault(*opened_picture.region_size, rules, what):
                raise PictureError(reason)
            picture = measured_grey(opened_picture)
        return Measurements(
            width_px,
            height_px,
            sharpness=sharpness(picture),
            luminance=luminance(picture),
            change=self._last_frames.change(frame.key, picture),
        )

    def root_of(self, claim: Claim) -> str:
        """Return the allowed root that the claim names, as it is written; empty where it names none."""
        return root_of(claim, self._allowed_roots)

    def size(self, picture: bytes) -> PictureSize:
        """Return width and height in pixels. Raises PictureError."""
        with opened(picture, "", self._limits) as image:
            return image.size

    def grey_pixels(self, picture: Picture) -> NDArray[np.float32]:
        """Return the picture's grey pixels, 0 black to 1 white, of at most 640 per side. Raises PictureError."""
        with opened(picture.data, "", self._limits, picture.bit_depth, picture.region) as image:
            return measured_grey(image).astype(np.float32) / np.float32(255.0)

    def fetch(self, claim: Claim) -> bytes:
        """Fetch the picture of a claim check. Raises PictureError if it is unavailable or another one."""
        return fetch(claim, self._allowed_roots, self._limits.max_bytes)
