"""A scene under construction: painters blend colours in, and every visible change is recorded as a flaw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.domain.report import Box
from inspector.lab.synthetic.sample import Flaw, Pixels
from inspector.lab.synthetic.scene import SUBPIXEL_BITS, Floats, Point, to_fixed_point

Colour = tuple[float, float, float]
VISIBLE_COVERAGE: Final = 0.3  # opacity of the paint from which a pixel belongs to the flaw
MIN_FLAW_PX: Final = 4  # visible pixels; a smaller flaw is rejected
PATCH_MARGIN_PX: Final = 6  # around the points of a patch: room for line width and blur


@dataclass(slots=True)
class Canvas:
    """A scene before lighting and lens are applied.

    `surface` is 255 where the part is and 0 elsewhere. `mask` holds 0, or 1 + the index of the flaw at that pixel.
    Painters give lengths in multiples of `px`, the size of one pixel of a 640 px frame.
    """

    rng: np.random.Generator
    pixels: Pixels
    surface: Pixels
    mask: Pixels = field(init=False)
    flaws: list[Flaw] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mask = np.zeros(self.pixels.shape[:2], np.uint8)

    @property
    def px(self) -> float:
        return float(self.pixels.shape[0] / 640.0)

    def patch(self, points: NDArray[np.float64]) -> Patch:
        """Return the window of the canvas around these points (x, y)."""
        height, width = self.mask.shape
        low = np.clip(np.floor(points.min(0)) - PATCH_MARGIN_PX, 0, (width - 1, height - 1)).astype(int)
        high = np.clip(np.ceil(points.max(0)) + PATCH_MARGIN_PX, low + 1, (width, height)).astype(int)
        return Patch(self, int(low[0]), int(low[1]), int(high[0]), int(high[1]))

    def record(self, defect: str, patch: Patch, share: Floats, contrast: float) -> bool:
        """Record the pixels that a painter visibly changed as one flaw; return False if fewer than MIN_FLAW_PX are."""
        visible = share > VISIBLE_COVERAGE
        if int(visible.sum()) < MIN_FLAW_PX:
            return False
        self.mask[patch.window][visible] = len(self.flaws) + 1
        rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
        x0, y0 = patch.x0 + int(columns[0]), patch.y0 + int(rows[0])
        x1, y1 = patch.x0 + int(columns[-1]) + 1, patch.y0 + int(rows[-1]) + 1
        height, width = self.mask.shape
        box = Box(x0 / width, y0 / height, x1 / width, y1 / height)
        self.flaws.append(Flaw(defect, (x0, y0, x1, y1), box, round(contrast, 4)))
        return True


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangular window of a canvas."""

    canvas: Canvas
    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def window(self) -> tuple[slice, slice]:
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def blank(self) -> Pixels:
        """Return a black single-channel image of the patch's size."""
        return np.zeros((self.y1 - self.y0, self.x1 - self.x0), np.uint8)

    def local(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert points from canvas to patch coordinates."""
        return points - (self.x0, self.y0)

    def polyline(self, points: NDArray[np.float64], width_px: float) -> Floats:
        """Return the coverage (0..1) of a smooth line; a width below one pixel gives a fainter line."""
        cover = self.blank()
        thick = max(1, round(width_px))
        cv2.polylines(cover, [to_fixed_point(self.local(points))], False, 255, thick, cv2.LINE_AA, SUBPIXEL_BITS)
        return cover.astype(np.float32) * np.float32(min(1.0, width_px) / 255.0)

    def polygon(self, points: NDArray[np.float64]) -> Floats:
        """Return the coverage (0..1) of a filled polygon."""
        cover = self.blank()
        cv2.fillPoly(cover, [to_fixed_point(self.local(points))], 255, cv2.LINE_AA, SUBPIXEL_BITS)
        return cover.astype(np.float32) / np.float32(255.0)

    def on_part(self, cover: Floats) -> Floats:
        """Set the coverage to 0 outside the part."""
        return cover * (self.canvas.surface[self.window].astype(np.float32) / np.float32(255.0))

    def distances(self, centre: Point) -> tuple[Floats, Floats]:
        """Return the x and y distance of every pixel from `centre`."""
        ys, xs = np.mgrid[self.y0 : self.y1, self.x0 : self.x1].astype(np.float32)
        return xs - np.float32(centre[0]), ys - np.float32(centre[1])

    def add(self, change: Floats, tint: Colour) -> None:
        """Add grey levels, scaled per channel by `tint`."""
        target = self.canvas.pixels[self.window]
        changed = target.astype(np.float32) + change[..., None] * np.asarray(tint, np.float32)
        self.canvas.pixels[self.window] = np.clip(changed, 0, 255).astype(np.uint8)

    def cover(self, share: Floats, colour: Colour | Pixels) -> None:
        """Blend in a colour, or a picture of the patch's size, with the given opacity per pixel."""
        target = self.canvas.pixels[self.window].astype(np.float32)
        paint = np.asarray(colour, np.float32)
        self.canvas.pixels[self.window] = np.clip(target + share[..., None] * (paint - target), 0, 255).astype(np.uint8)
