"""A moulded plastic bottle cap with a printed top, in two variants: with and without a star."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import Final

import cv2
import numpy as np

from inspector.lab.synthetic.canvas import Canvas, Colour, Patch
from inspector.lab.synthetic.sample import Pixels
from inspector.lab.synthetic.scene import Floats, Point, Pose, crop_grain, draw_disc, random_pose
from inspector.lab.synthetic.surface_flaws import FlawPainter, surface_painters

PLATE_SIDE_PX: Final = 1024  # side of the drawn ink plates
INK_COLOUR: Final[Colour] = (20.0, 38.0, 86.0)
# White plastic, but exposed well below 255: brighter lighting must not clip it.
PLASTIC_COLOUR: Final[Colour] = (150.0, 152.0, 148.0)
TOP_GREY: Final = 206.0  # grey level that becomes PLASTIC_COLOUR
TOP_RADIUS: Final = 0.86  # radius of the flat top; the cap's radius is 1


@lru_cache(maxsize=2)
def print_plate(star: bool) -> Pixels:
    """Draw the ink (0..255, PLATE_SIDE_PX pixels square): two rings, bars, words, and the star of one variant."""
    plate = star_plate().copy() if star else np.zeros((PLATE_SIDE_PX, PLATE_SIDE_PX), np.uint8)
    middle = PLATE_SIDE_PX // 2
    cv2.circle(plate, (middle, middle), round(0.76 * middle), 255, 9, cv2.LINE_AA)
    cv2.circle(plate, (middle, middle), round(0.70 * middle), 255, 4, cv2.LINE_AA)
    _put_centred_text(plate, "ALPINA", 1.06, 2.7, 9)
    _put_centred_text(plate, "500 ML", 1.28, 1.4, 5)
    for k in range(9):
        x = round(middle + (k - 4) * 0.075 * middle)
        cv2.rectangle(plate, (x - 9, round(1.40 * middle)), (x - 9 + 8 * (k % 3 + 1), round(1.54 * middle)), 255, -1)
    return plate


@lru_cache(maxsize=1)
def star_plate() -> Pixels:
    """Draw the ink of the star alone."""
    plate, middle = np.zeros((PLATE_SIDE_PX, PLATE_SIDE_PX), np.uint8), PLATE_SIDE_PX // 2
    cv2.fillPoly(plate, [_star_outline((middle, round(0.66 * middle)), 0.19 * middle)], 255, cv2.LINE_AA)
    return plate


def _star_outline(centre: tuple[int, int], radius: float) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    angles = -math.pi / 2 + np.arange(10) * math.pi / 5
    radii = np.where(np.arange(10) % 2 == 0, radius, 0.42 * radius)
    return np.rint(np.stack((np.cos(angles), np.sin(angles)), 1) * radii[:, None] + centre).astype(np.int32)


def _put_centred_text(plate: Pixels, text: str, height: float, scale: float, thick: int) -> None:
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    at = (PLATE_SIDE_PX // 2 - width // 2, round(height * PLATE_SIDE_PX / 2))
    cv2.putText(plate, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)


def paint(rng: np.random.Generator, size: int, *, star: bool) -> tuple[Canvas, dict[str, FlawPainter]]:
    """Draw a good cap; return its canvas and a painter for each of its flaws."""
    pose = random_pose(rng, size, radius=0.40, turn=0.35)
    surface = np.zeros((size, size), np.uint8)
    draw_disc(surface, (pose.cx, pose.cy), pose.radius, 255)
    grey = _unprinted_cap(rng, size, pose, surface)
    ink = cv2.warpAffine(print_plate(star), pose.matrix(PLATE_SIDE_PX), (size, size), flags=cv2.INTER_AREA)
    tinted = cv2.merge([grey * np.float32(tone / TOP_GREY) for tone in PLASTIC_COLOUR])
    pixels = np.clip(tinted, 0, 255).astype(np.uint8)
    bare = pixels.copy()
    _print_ink(pixels, ink, rng.uniform(0.82, 0.97))
    canvas = Canvas(rng, pixels, surface)
    painters = surface_painters(canvas, partial(_random_point, rng, pose), "scratch", "dent", "crack", "stain")
    return canvas, painters | {
        "misprint": partial(_misprint, canvas, pose, ink),
        "missing_print": partial(_missing_print, canvas, pose, bare, ink),
        **({"missing_star": partial(_missing_star, canvas, pose, bare)} if star else {}),
    }


def _unprinted_cap(rng: np.random.Generator, size: int, pose: Pose, surface: Pixels) -> Floats:
    """Return grey levels of the unprinted cap on its belt: knurled skirt, rim, satin top."""
    px = size / 640
    belt = crop_grain(rng, "clouds", size) * np.float32(4) + np.float32(rng.uniform(60, 90))
    skirt = np.full((size, size), rng.uniform(168, 184), np.float32)
    for k in range(72):
        angle = pose.angle + k * math.pi / 36
        ends = (pose.at(math.cos(angle) * reach, math.sin(angle) * reach) for reach in (0.91, 1.0))
        low, high = (tuple(map(round, end)) for end in ends)
        cv2.line(skirt, low, high, 130.0, max(1, round(2 * px)), cv2.LINE_AA)
    draw_disc(skirt, (pose.cx, pose.cy), pose.radius * 0.90, 232.0, max(1, round(3 * px)))
    draw_disc(skirt, (pose.cx, pose.cy), pose.radius * TOP_RADIUS, TOP_GREY)
    skirt += crop_grain(rng, "clouds", size) * np.float32(2.5)
    return belt + surface.astype(np.float32) / np.float32(255) * (skirt - belt)


def _print_ink(pixels: Pixels, ink: Pixels, density: float) -> None:
    """Blend the ink into the picture in place."""
    share = ink.astype(np.float32) * np.float32(density / 255)
    dry = pixels.astype(np.float32)
    for channel, tone in enumerate(INK_COLOUR):
        dry[..., channel] += share * (np.float32(tone) - dry[..., channel])
    pixels[:] = dry.astype(np.uint8)


def _random_point(rng: np.random.Generator, pose: Pose) -> Point:
    """Return a point on the printed top, uniform over its area."""
    angle, reach = rng.uniform(0, 2 * math.pi), 0.84 * math.sqrt(rng.random())
    return pose.at(reach * math.cos(angle), reach * math.sin(angle))


def _printed_patch(canvas: Canvas, pose: Pose) -> tuple[Patch, Floats]:
    """Return a window on the print and a round coverage with a soft edge."""
    centre, radius = _random_point(canvas.rng, pose), canvas.px * canvas.rng.uniform(16, 52)
    patch = canvas.patch(np.array([(centre[0] - radius, centre[1] - radius), (centre[0] + radius, centre[1] + radius)]))
    x, y = patch.distances(centre)
    return patch, np.clip((radius - np.hypot(x, y)) / np.float32(0.25 * radius), 0, 1).astype(np.float32)


def _missing_print(canvas: Canvas, pose: Pose, bare: Pixels, ink: Pixels, contrast: float) -> bool:
    """Paint a spot where the ink is missing."""
    patch, share = _printed_patch(canvas, pose)
    patch.cover(share * np.float32(contrast), bare[patch.window])
    return canvas.record(
        "missing_print", patch, share * ink[patch.window].astype(np.float32) / np.float32(255), contrast
    )


def _missing_star(canvas: Canvas, pose: Pose, bare: Pixels, _: float) -> bool:
    """Remove the star completely.

    The result looks like the other variant, so only a golden sample of the same variant shows the flaw. Its contrast
    is recorded as 0.
    """
    corners = [pose.at(u, v) for u in (-0.22, 0.22) for v in (-0.58, -0.12)]
    patch = canvas.patch(np.array(corners))
    share = cv2.warpAffine(star_plate(), pose.matrix(PLATE_SIDE_PX), canvas.mask.shape[::-1], flags=cv2.INTER_AREA)
    ink = np.minimum(share[patch.window].astype(np.float32) / np.float32(128), 1.0)
    patch.cover(ink, bare[patch.window])
    return canvas.record("missing_print", patch, ink, 0.0)


def _misprint(canvas: Canvas, pose: Pose, ink: Pixels, contrast: float) -> bool:
    """Paint a ghost: part of the print a second time, shifted."""
    patch, share = _printed_patch(canvas, pose)
    angle, far = canvas.rng.uniform(0, 2 * math.pi), canvas.px * canvas.rng.uniform(6, 14)
    shift = np.array([[1, 0, far * math.cos(angle)], [0, 1, far * math.sin(angle)]], np.float32)
    window = ink[patch.window]
    ghost = cv2.warpAffine(window, shift, window.shape[::-1]).astype(np.float32) / np.float32(255)
    new = share * np.clip(ghost - window.astype(np.float32) / np.float32(255), 0, 1)
    patch.cover(new * np.float32(0.9 * contrast), INK_COLOUR)
    return canvas.record("misprint", patch, new, contrast)
