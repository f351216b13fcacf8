"""A turned steel washer on a dark belt."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

import cv2
import numpy as np

from inspector.lab.synthetic.canvas import Canvas
from inspector.lab.synthetic.scene import Floats, Point, Pose, crop_grain, draw_disc, random_pose, rotated_grain
from inspector.lab.synthetic.surface_flaws import FlawPainter, surface_painters

BORE_RADIUS: Final = 0.46  # radius of the hole; the outer radius is 1
STEEL_TINT: Final = np.array([0.97, 1.0, 1.04], np.float32)  # factor per channel: slightly blue


def paint(rng: np.random.Generator, size: int) -> tuple[Canvas, dict[str, FlawPainter]]:
    """Draw a good washer; return its canvas and a painter for each of its flaws."""
    pose = random_pose(rng, size, radius=0.39, turn=math.pi)
    centre, px = (pose.cx, pose.cy), size / 640
    ring = np.zeros((size, size), np.uint8)
    draw_disc(ring, centre, pose.radius, 255)
    draw_disc(ring, centre, pose.radius * BORE_RADIUS, 0)
    share = ring.astype(np.float32) / np.float32(255)
    belt = _belt(rng, size, pose)
    grey = belt + share * (_steel(rng, size, pose) - belt)
    _draw_chamfers(grey, pose, px)
    pixels = np.clip(cv2.merge([grey * tone for tone in STEEL_TINT]), 0, 255).astype(np.uint8)
    canvas = Canvas(rng, pixels, ring)
    painters = surface_painters(canvas, partial(_random_point, rng, pose), "scratch", "dent", "crack", "stain")
    return canvas, painters | {"burr": partial(_burr, canvas, pose)}


def _random_point(rng: np.random.Generator, pose: Pose) -> Point:
    """Return a point on the ring, away from both edges."""
    angle, reach = rng.uniform(0, 2 * math.pi), rng.uniform(BORE_RADIUS + 0.07, 0.93)
    return pose.at(reach * math.cos(angle), reach * math.sin(angle))


def _belt(rng: np.random.Generator, size: int, pose: Pose) -> Floats:
    """Return grey levels of the dark belt with the part's shadow."""
    belt = crop_grain(rng, "clouds", size) * np.float32(5) + np.float32(rng.uniform(34, 52))
    shadow = np.zeros((size // 4, size // 4), np.float32)
    draw_disc(shadow, (pose.cx / 4 + 2, pose.cy / 4 + 2), pose.radius / 4 + 1.5, 18.0)
    return np.asarray(belt - cv2.resize(cv2.GaussianBlur(shadow, (0, 0), 2.5), (size, size)), np.float32)


def _steel(rng: np.random.Generator, size: int, pose: Pose) -> Floats:
    """Return grey levels of brushed steel: streaks, and the two bright lobes that a ring lamp causes."""
    ys, xs = np.mgrid[0:80, 0:80].astype(np.float32) * np.float32(size / 80)
    angle = np.arctan2(ys - np.float32(pose.cy), xs - np.float32(pose.cx))
    lobes = cv2.resize(np.cos(2 * (angle - rng.uniform(0, math.pi))), (size, size), interpolation=cv2.INTER_LINEAR)
    streaks = rotated_grain(rng, "brushed", size, pose.angle)
    level, depth = rng.uniform(140, 165), rng.uniform(4, 9)
    return np.asarray(level + 22.0 * lobes + depth * streaks, np.float32)


def _draw_chamfers(grey: Floats, pose: Pose, px: float) -> None:
    """Draw the chamfers: a bright line at the rim, a darker one in the bore."""
    centre, line = (pose.cx, pose.cy), max(1, round(2 * px))
    draw_disc(grey, centre, pose.radius - 2 * px, 205.0, line)
    draw_disc(grey, centre, pose.radius * BORE_RADIUS + 2 * px, 95.0, line)
    draw_disc(grey, centre, pose.radius * BORE_RADIUS + 5 * px, 190.0, line)


def _burr(canvas: Canvas, pose: Pose, contrast: float) -> bool:
    """Paint a sliver of steel that projects over the rim or into the bore."""
    outline = np.array([pose.at(u, v) for u, v in _burr_outline(canvas.rng)])
    patch = canvas.patch(outline)
    share = patch.polygon(outline)
    patch.cover(share * np.float32(contrast), (165.0, 168.0, 172.0))
    return canvas.record("burr", patch, share, contrast)


def _burr_outline(rng: np.random.Generator) -> list[Point]:
    """Return an outline in part coordinates: seven uneven teeth over a base just inside the edge."""
    outside = rng.random() < 0.6
    edge, height = (1.0, rng.uniform(0.04, 0.11)) if outside else (BORE_RADIUS, -rng.uniform(0.04, 0.11))
    angles = rng.uniform(0, 2 * math.pi) + rng.uniform(0.03, 0.11) / edge * np.linspace(-1, 1, 7)
    teeth = edge + height * np.array([0, 0.35, 0.9, 1, 0.6, 0.3, 0]) * rng.uniform(0.8, 1.2, 7)
    base = edge - math.copysign(0.01, height)
    radii, turns = [*teeth, base, base], [*angles, angles[-1], angles[0]]
    return [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, turns, strict=True)]
