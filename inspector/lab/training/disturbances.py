"""Camera faults of fixed strength for the robustness table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np

from inspector.lab.synthetic.sample import Pixels

Disturbance = Callable[[Pixels, np.random.Generator], Pixels]


def _add_noise(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Add Gaussian noise with a standard deviation of 15 grey levels."""
    return np.clip(pixels + rng.normal(0, 15, pixels.shape), 0, 255).astype(np.uint8)


def _reframe(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Scale by 12 % up or down and shift by at most 5 %."""
    size = len(pixels)
    scale, shift = rng.choice([0.88, 1.12]), rng.uniform(-0.05, 0.05, 2) * size
    onto = np.array([[scale, 0, (1 - scale) * size / 2 + shift[0]], [0, scale, (1 - scale) * size / 2 + shift[1]]])
    return np.asarray(cv2.warpAffine(pixels, onto, (size, size), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _recompress(pixels: Pixels, _: np.random.Generator) -> Pixels:
    """Encode as JPEG with quality 60 and decode again."""
    return np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR), np.uint8
    )


def _scale_brightness(factor: float) -> Disturbance:
    """Return a disturbance that multiplies all values by `factor`."""
    return lambda pixels, _: np.clip(pixels * factor, 0, 255).astype(np.uint8)


DISTURBANCES: Final[Mapping[str, Disturbance]] = {
    "JPEG quality 60": _recompress,
    "noise 15": _add_noise,
    "blur 1.5": lambda pixels, _: np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.5), np.uint8),
    "brightness x 0.6": _scale_brightness(0.6),
    "brightness x 1.4": _scale_brightness(1.4),
    "other framing": _reframe,
}
