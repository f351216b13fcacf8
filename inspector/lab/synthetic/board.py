"""A bare circuit board: solder mask, traces, pads with drilled holes, silk screen.

Part coordinates u, v run from -1 to 1 over the board; lengths and positions below are given in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.lab.synthetic.canvas import Canvas, Colour
from inspector.lab.synthetic.sample import Pixels
from inspector.lab.synthetic.scene import Point, Pose, crop_grain, random_pose
from inspector.lab.synthetic.surface_flaws import FlawPainter, blob_outline, surface_painters

ARTWORK_SIDE_PX: Final = 1024  # side of the artwork, which is drawn once and projected into every pose
LAYOUT_SEED: Final = 5  # the design is the same in every frame
SPOT_REACH: Final = 0.94  # largest |u| and |v| of a scratch, stain or splash
SOLDER_MASK_COLOUR: Final[Colour] = (24.0, 92.0, 58.0)
TRACE_COLOUR: Final[Colour] = (58.0, 140.0, 88.0)
PAD_COLOUR: Final[Colour] = (196.0, 178.0, 118.0)
UNDRILLED_COLOUR: Final[Colour] = (182.0, 165.0, 110.0)
HOLE_COLOUR: Final[Colour] = (18.0, 20.0, 22.0)
SILK_COLOUR: Final[Colour] = (214.0, 220.0, 214.0)
PAD_RADIUS: Final = 0.042
HOLE_RADIUS: Final = 0.020
TRACE_WIDTH: Final = 0.022
PAD_PITCH: Final = 0.125  # distance of neighbouring pads in a row


@dataclass(frozen=True, slots=True)
class CopperLayout:
    """Positions of pads, traces and chip outlines in part coordinates."""

    pads: tuple[Point, ...]
    traces: tuple[tuple[Point, ...], ...]
    chips: tuple[tuple[Point, Point], ...]


@lru_cache(maxsize=1)
def copper_layout() -> CopperLayout:
    """Return the one design of this product: rows of pads, joined by traces with a bend of 45 degrees."""
    rng = np.random.default_rng(LAYOUT_SEED)
    columns = [-0.78 + PAD_PITCH * k for k in range(13)]
    rows = (-0.78, -0.30, 0.22, 0.78)
    pads = [(x, y) for y in rows for x in columns if rng.random() < 0.82]
    traces = [trace for upper, lower in pairwise(rows) for trace in _traces_between(rng, pads, upper, lower)]
    chips = (((-0.62, -0.66), (-0.14, -0.42)), ((0.12, 0.36), (0.66, 0.64)))
    return CopperLayout(tuple(pads), tuple(traces), chips)


def _traces_between(rng: np.random.Generator, pads: list[Point], upper: float, lower: float) -> list[tuple[Point, ...]]:
    """Return traces from one row of pads to the next, in order, so that no two cross."""
    above, below = ([pad for pad in pads if pad[1] == row] for row in (upper, lower))
    joined = [pair for pair in zip(above, below, strict=False) if rng.random() < 0.8]
    return [_bent_trace(start, end, upper + 0.1 + 0.006 * k) for k, (start, end) in enumerate(joined)]


def _bent_trace(start: Point, end: Point, bend_at: float) -> tuple[Point, ...]:
    """Return a trace that runs straight from `start`, slants at 45 degrees from `bend_at`, and ends at `end`."""
    slant = abs(end[0] - start[0])
    return start, (start[0], bend_at), (end[0], bend_at + slant), end


@lru_cache(maxsize=1)
def artwork() -> Pixels:
    """Draw the board as designed, ARTWORK_SIDE_PX pixels square."""
    art = np.full((ARTWORK_SIDE_PX, ARTWORK_SIDE_PX, 3), SOLDER_MASK_COLOUR, np.uint8)
    for trace in copper_layout().traces:
        cv2.polylines(art, [_artwork_points(trace)], False, TRACE_COLOUR, _length_px(TRACE_WIDTH), cv2.LINE_AA)
    for low, high in copper_layout().chips:
        cv2.rectangle(art, _artwork_point(low), _artwork_point(high), SILK_COLOUR, 3, cv2.LINE_AA)
    for pad in copper_layout().pads:
        cv2.circle(art, _artwork_point(pad), _length_px(PAD_RADIUS), PAD_COLOUR, -1, cv2.LINE_AA)
        cv2.circle(art, _artwork_point(pad), _length_px(HOLE_RADIUS), HOLE_COLOUR, -1, cv2.LINE_AA)
    for text, at in (("IN-7 REV B", (-0.30, 0.60)), ("U1", (-0.58, -0.52)), ("U2", (0.30, 0.52))):
        cv2.putText(art, text, _artwork_point(at), cv2.FONT_HERSHEY_SIMPLEX, 1.05, SILK_COLOUR, 3, cv2.LINE_AA)
    return art


def _length_px(length: float) -> int:
    return max(1, round(length * ARTWORK_SIDE_PX / 2))


def _artwork_points(points: tuple[Point, ...]) -> NDArray[np.int32]:
    return np.asarray(np.rint((np.asarray(points) + 1.0) * ARTWORK_SIDE_PX / 2), np.int32)


def _artwork_point(point: Point) -> tuple[int, int]:
    x, y = _artwork_points((point,))[0]
    return int(x), int(y)


def paint(rng: np.random.Generator, size: int) -> tuple[Canvas, dict[str, FlawPainter]]:
    """Draw a good board; return its canvas and a painter for each of its flaws."""
    pose = random_pose(rng, size, radius=0.43, turn=0.10)
    onto = pose.matrix(ARTWORK_SIDE_PX)
    table = np.full((size, size, 3), rng.uniform(40, 70), np.uint8)
    projected = cv2.warpAffine(artwork(), onto, (size, size), table, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)
    weave = crop_grain(rng, "clouds", size) * np.float32(3.0)
    pixels = cv2.add(projected, cv2.merge((weave, weave, weave)), dtype=cv2.CV_8U)
    corners = np.array([pose.at(u, v) for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    surface = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(surface, np.rint(corners).astype(np.int32), 255)
    canvas = Canvas(rng, pixels, surface)
    own = {"short": _short, "open": _open, "missing_hole": _missing_hole, "spurious_copper": _spurious_copper}
    painters = surface_painters(canvas, partial(_random_point, rng, pose), "scratch", "stain")
    return canvas, painters | {name: partial(painter, canvas, pose) for name, painter in own.items()}


def _random_point(rng: np.random.Generator, pose: Pose) -> Point:
    return pose.at(rng.uniform(-SPOT_REACH, SPOT_REACH), rng.uniform(-SPOT_REACH, SPOT_REACH))


def _etching_contrast(contrast: float) -> float:
    """Raise a contrast to at least 0.5: etching leaves copper or removes it, never as faintly as a scratch."""
    return 0.5 + 0.5 * contrast


def _short(canvas: Canvas, pose: Pose, contrast: float) -> bool:
    """Paint copper between two neighbouring pads."""
    contrast = _etching_contrast(contrast)
    rng, pads = canvas.rng, copper_layout().pads
    (u0, v0), (u1, v1) = _neighbours(pads)[rng.integers(len(_neighbours(pads)))]
    tilt = rng.uniform(-0.015, 0.015, 2)
    bridge = np.array([pose.at(u0 + 0.03, v0 + tilt[0]), pose.at(u1 - 0.03, v1 + tilt[1])])
    patch = canvas.patch(bridge)
    share = patch.polyline(bridge, canvas.px * rng.uniform(3.0, 9.0))
    patch.cover(share * np.float32(contrast), PAD_COLOUR if rng.random() < 0.5 else TRACE_COLOUR)
    return canvas.record("short", patch, share, contrast)


@lru_cache(maxsize=1)
def _neighbours(pads: tuple[Point, ...]) -> tuple[tuple[Point, Point], ...]:
    """Return pairs of pads in one row that stand at most 1.5 pitches apart."""
    return tuple((a, b) for a, b in pairwise(pads) if a[1] == b[1] and b[0] - a[0] < 1.5 * PAD_PITCH)


def _open(canvas: Canvas, pose: Pose, contrast: float) -> bool:
    """Paint a gap into a trace."""
    contrast = _etching_contrast(contrast)
    rng, traces = canvas.rng, copper_layout().traces
    _, start, end, _ = traces[rng.integers(len(traces))]
    along, gap = rng.uniform(0.15, 0.85), rng.uniform(0.016, 0.05)
    u, v = start[0] + along * (end[0] - start[0]), start[1] + along * (end[1] - start[1])
    turn = math.atan2(end[1] - start[1], end[0] - start[0])
    du, dv = gap * math.cos(turn), gap * math.sin(turn)
    line = np.array([pose.at(u - du, v - dv), pose.at(u + du, v + dv)])
    patch = canvas.patch(line)
    share = patch.polyline(line, 1.35 * TRACE_WIDTH * pose.radius)
    patch.cover(share * np.float32(contrast), SOLDER_MASK_COLOUR)
    return canvas.record("open", patch, share, contrast)


def _missing_hole(canvas: Canvas, pose: Pose, contrast: float) -> bool:
    """Paint a pad without its drilled hole."""
    contrast = _etching_contrast(contrast)
    pads = copper_layout().pads
    centre, radius = pose.at(*pads[canvas.rng.integers(len(pads))]), 1.15 * HOLE_RADIUS * pose.radius
    angles = np.linspace(0, 2 * math.pi, 16, endpoint=False)
    outline = np.stack((np.cos(angles), np.sin(angles)), 1) * radius + np.asarray(centre)
    patch = canvas.patch(outline)
    share = patch.polygon(outline)
    patch.cover(share * np.float32(contrast), UNDRILLED_COLOUR)
    return canvas.record("missing_hole", patch, share, contrast)


def _spurious_copper(canvas: Canvas, pose: Pose, contrast: float) -> bool:
    """Paint a splash of copper at a random place."""
    contrast = _etching_contrast(contrast)
    outline = blob_outline(
        canvas.rng, _random_point(canvas.rng, pose), canvas.px * min(canvas.rng.lognormal(math.log(10.5), 0.45), 28)
    )
    patch = canvas.patch(outline)
    share = patch.on_part(patch.polygon(outline))
    patch.cover(share * np.float32(contrast), TRACE_COLOUR if canvas.rng.random() < 0.5 else PAD_COLOUR)
    return canvas.record("spurious_copper", patch, share, contrast)
