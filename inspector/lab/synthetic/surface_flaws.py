"""Flaws that any surface can have: scratch, dent, crack, stain.

Each function paints one flaw and records it. It returns False when nothing of the flaw is visible, so that the caller
can try another place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.lab.synthetic.canvas import Canvas, Colour
from inspector.lab.synthetic.scene import Point

NEUTRAL_TINT: Final[Colour] = (1.0, 1.0, 1.0)  # the same change in all channels
FlawPainter = Callable[[float], bool]  # paints one flaw of the given contrast; False if it is not visible
PointSampler = Callable[[], Point]  # returns a random point on the part, in pixels


def surface_painters(canvas: Canvas, spot: PointSampler, *names: str) -> dict[str, FlawPainter]:
    """Return a painter for each named flaw, which paints at a random point."""
    return {name: partial(_paint_at_random_point, SURFACE_FLAWS[name], canvas, spot) for name in names}


def _paint_at_random_point(
    mark: Callable[[Canvas, Point, float], bool], canvas: Canvas, spot: PointSampler, contrast: float
) -> bool:
    return mark(canvas, spot(), contrast)


def scratch(canvas: Canvas, at: Point, contrast: float) -> bool:
    """Paint a thin, slightly bent line: bright along the cut, with a dark edge."""
    rng, px = canvas.rng, canvas.px
    length, width = px * rng.lognormal(math.log(85), 0.6), px * rng.uniform(1.2, 4.5)
    line = _random_walk(rng, at, min(length, 220 * px), bend=0.12)
    patch = canvas.patch(line)
    cut, lip = patch.polyline(line, width), patch.polyline(line + width * 0.9, width)
    sign = 1.0 if rng.random() < 0.7 else -1.0
    share = patch.on_part(np.maximum(cut, 0.5 * lip))
    patch.add(
        patch.on_part(np.float32(sign) * (cut - np.float32(0.55) * lip)) * np.float32(105 * contrast), NEUTRAL_TINT
    )
    return canvas.record("scratch", patch, share, contrast)


def crack(canvas: Canvas, at: Point, contrast: float) -> bool:
    """Paint a jagged dark line with a branch."""
    rng, px = canvas.rng, canvas.px
    length, width = px * min(rng.lognormal(math.log(75), 0.5), 190), px * rng.uniform(1.2, 4.0)
    line = _random_walk(rng, at, length, bend=0.75)
    start = line[len(line) // 2]
    branch = _random_walk(rng, (start[0], start[1]), length * rng.uniform(0.2, 0.5), bend=0.75)
    patch = canvas.patch(np.concatenate((line, branch)))
    share = patch.on_part(np.maximum(patch.polyline(line, width), 0.8 * patch.polyline(branch, width * 0.8)))
    patch.add(share * np.float32(-120 * contrast), NEUTRAL_TINT)
    return canvas.record("crack", patch, share, contrast)


def dent(canvas: Canvas, at: Point, contrast: float) -> bool:
    """Paint a dip: one flank is bright, the other dark."""
    rng, px = canvas.rng, canvas.px
    radius, squeeze, turn = (
        px * min(rng.lognormal(math.log(17), 0.45), 42),
        rng.uniform(0.6, 1.0),
        rng.uniform(0, math.pi),
    )
    reach = np.array([(at[0] - 2.2 * radius, at[1] - 2.2 * radius), (at[0] + 2.2 * radius, at[1] + 2.2 * radius)])
    patch = canvas.patch(reach)
    x, y = patch.distances(at)
    along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    far = (along**2 + (across / squeeze) ** 2) / np.float32(radius**2)
    hill = np.exp(-far)
    slope = (x * math.cos(0.8) + y * math.sin(0.8)) / np.float32(radius) * hill
    patch.add(patch.on_part((1.9 * slope - 0.35 * hill).astype(np.float32)) * np.float32(85 * contrast), NEUTRAL_TINT)
    return canvas.record("dent", patch, patch.on_part(hill.astype(np.float32)), contrast)


def stain(canvas: Canvas, at: Point, contrast: float) -> bool:
    """Paint a brownish or grey blot with a soft uneven outline, or a fibre."""
    rng, px = canvas.rng, canvas.px
    if rng.random() < 0.25:
        line = _random_walk(rng, at, px * rng.uniform(25, 80), bend=0.4)
        patch = canvas.patch(line)
        share = patch.on_part(patch.polyline(line, px * rng.uniform(1.5, 4.0)))
    else:
        outline = blob_outline(rng, at, px * min(rng.lognormal(math.log(14), 0.5), 42))
        patch = canvas.patch(outline)
        share = patch.on_part(cv2.GaussianBlur(patch.polygon(outline), (0, 0), rng.uniform(0.6, 2.0) * px))
    tint: Colour = (0.75, 1.0, 1.35) if rng.random() < 0.6 else NEUTRAL_TINT
    patch.add(share * np.float32(-90 * contrast), tint)
    return canvas.record("stain", patch, share, contrast)


def _random_walk(rng: np.random.Generator, at: Point, length: float, bend: float) -> NDArray[np.float64]:
    """Return a random walk of `length` through `at`; `bend` is the standard deviation of a turn in radians."""
    steps = 9
    headings = rng.uniform(0, 2 * math.pi) + np.cumsum(rng.normal(0, bend, steps))
    path = np.cumsum(np.stack((np.cos(headings), np.sin(headings)), 1), 0) * (length / steps)
    return np.asarray(path - path[steps // 2] + at)


def blob_outline(rng: np.random.Generator, at: Point, radius: float) -> NDArray[np.float64]:
    """Return a rounded, uneven outline."""
    angles = np.linspace(0, 2 * math.pi, 14, endpoint=False)
    radii = radius * (1 + 0.28 * np.sin(angles * 2 + rng.uniform(0, 6)) + rng.normal(0, 0.14, 14))
    return np.asarray(np.stack((np.cos(angles), np.sin(angles)), 1) * radii[:, None] + at)


SURFACE_FLAWS: Final = {"scratch": scratch, "dent": dent, "crack": crack, "stain": stain}
