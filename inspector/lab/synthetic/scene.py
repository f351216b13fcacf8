"""Elements that all synthetic photographs share: pose of the part, lighting, lens, sensor, surface grain.

Grain is drawn once from fixed seeds and then cropped at random, because drawing it for every frame would take longer
than all other steps together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.lab.synthetic.sample import Pixels

Floats = NDArray[np.float32]
Point = tuple[float, float]
GRAIN_BANK_SIDE_PX: Final = 2048  # larger than the largest frame, so that crops differ
SUBPIXEL_BITS: Final = 4
SUBPIXEL_SCALE: Final = 1 << SUBPIXEL_BITS


@dataclass(frozen=True, slots=True)
class Pose:
    """Position of the part in the frame: part coordinates u, v run from -1 to 1, x and y are pixels."""

    cx: float
    cy: float
    radius: float
    angle: float

    def at(self, u: float, v: float) -> Point:
        """Convert part coordinates to pixels."""
        cos, sin = math.cos(self.angle) * self.radius, math.sin(self.angle) * self.radius
        return self.cx + u * cos - v * sin, self.cy + u * sin + v * cos

    def matrix(self, side: int) -> Floats:
        """Return the affine map from a drawing of the part, `side` pixels square, to the frame."""
        cos, sin = math.cos(self.angle) * self.radius, math.sin(self.angle) * self.radius
        step = 2.0 / side
        x, y = self.at(-1.0, -1.0)
        return np.array([[cos * step, -sin * step, x], [sin * step, cos * step, y]], np.float32)


def random_pose(rng: np.random.Generator, size: int, radius: float, turn: float) -> Pose:
    """Place a part near the centre; `radius` is a share of the frame, `turn` the largest rotation in radians."""
    shift = 0.045 * size
    return Pose(
        cx=size / 2 + rng.uniform(-shift, shift),
        cy=size / 2 + rng.uniform(-shift, shift),
        radius=size * radius * rng.uniform(0.93, 1.06),
        angle=rng.uniform(-turn, turn),
    )


def to_fixed_point(points: NDArray[np.float64] | list[Point]) -> NDArray[np.int32]:
    """Convert points to OpenCV's fixed-point format with SUBPIXEL_BITS fractional bits."""
    return np.asarray(np.rint(np.asarray(points) * SUBPIXEL_SCALE), np.int32)


def draw_disc(image: NDArray[np.generic], centre: Point, radius: float, colour: object, thickness: int = -1) -> None:
    """Draw an antialiased circle with subpixel precision."""
    at = (round(centre[0] * SUBPIXEL_SCALE), round(centre[1] * SUBPIXEL_SCALE))
    cv2.circle(image, at, round(radius * SUBPIXEL_SCALE), colour, thickness, cv2.LINE_AA, SUBPIXEL_BITS)


@lru_cache(maxsize=4)
def grain_bank(kind: str) -> Floats:
    """Draw a square of texture with mean 0 and standard deviation 1: white, brushed (streaks along x), or clouds."""
    rng = np.random.default_rng({"white": 11, "brushed": 12, "clouds": 13}[kind])
    noise = rng.standard_normal((GRAIN_BANK_SIDE_PX, GRAIN_BANK_SIDE_PX), np.float32)
    if kind == "brushed":
        noise = cv2.GaussianBlur(cv2.blur(noise, (61, 1), borderType=cv2.BORDER_REFLECT), (0, 0), 0.6)
    elif kind == "clouds":
        noise = sum(
            (_noise_octave(rng, GRAIN_BANK_SIDE_PX >> level) * 0.6**k for k, level in enumerate((8, 7, 6, 5, 4))),
            noise * 0,
        )
    return np.ascontiguousarray((noise - noise.mean()) / noise.std(), np.float32)


def _noise_octave(rng: np.random.Generator, cells: int) -> Floats:
    """Draw smooth noise of `cells` by `cells` values, enlarged to the bank's size."""
    hills = rng.standard_normal((cells, cells), np.float32)
    return np.asarray(
        cv2.resize(hills, (GRAIN_BANK_SIDE_PX, GRAIN_BANK_SIDE_PX), interpolation=cv2.INTER_CUBIC), np.float32
    )


def crop_grain(rng: np.random.Generator, kind: str, size: int) -> Floats:
    """Return a random square of a texture as a view; do not write to it."""
    bank = grain_bank(kind)
    y, x = rng.integers(0, GRAIN_BANK_SIDE_PX - size, 2)
    return bank[y : y + size, x : x + size]


def rotated_grain(rng: np.random.Generator, kind: str, size: int, angle: float) -> Floats:
    """Return a texture whose streaks lie at `angle`, taken from inside the bank."""
    middle = rng.uniform(0.75 * size, GRAIN_BANK_SIDE_PX - 0.75 * size, 2)
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), math.degrees(angle), 1.0)
    turn[:, 2] += turn[:, :2] @ (size / 2 - middle)
    return np.asarray(cv2.warpAffine(grain_bank(kind), turn, (size, size), borderMode=cv2.BORDER_REFLECT), np.float32)


def photograph(rng: np.random.Generator, scene: Pixels) -> Pixels:
    """Apply uneven lighting, a slightly soft lens and sensor noise to the scene."""
    size = scene.shape[0]
    lit = cv2.multiply(scene, _lamp_gain(rng, size), dtype=cv2.CV_8U)
    softness = rng.uniform(0.3, 0.8) * size / 640
    blurred = cv2.GaussianBlur(lit, (3, 3), softness) if softness > 0.45 else lit
    return np.asarray(cv2.add(blurred, _sensor_noise(rng, size), dtype=cv2.CV_8U), np.uint8)


def _lamp_gain(rng: np.random.Generator, size: int) -> Floats:
    """Return the brightness factor per pixel: a random level and slope."""
    level, angle, slope = rng.uniform(0.82, 1.18), rng.uniform(0, 2 * math.pi), rng.uniform(0.0, 0.16)
    dx, dy = slope * math.cos(angle), slope * math.sin(angle)
    corners = np.array([[-dx - dy, dx - dy], [-dx + dy, dx + dy]], np.float32) + level
    gain = cv2.resize(corners, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.merge((gain, gain, gain)), np.float32)


def _sensor_noise(rng: np.random.Generator, size: int) -> Floats:
    """Return noise that is mostly grey, with a small share of colour."""
    grey = crop_grain(rng, "white", size)
    level = rng.uniform(1.5, 5.0)
    shared, tint = grey * np.float32(level), np.float32(0.4 * level)
    return np.asarray(cv2.merge([crop_grain(rng, "white", size) * tint + shared for _ in range(3)]), np.float32)
