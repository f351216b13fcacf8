"""Turns a drawn frame into training pictures: disturbed, framed or cropped, with the ground truth moved along."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inspector.domain.report import Box
from inspector.lab.synthetic import PRODUCTS, Flaw, Sample
from inspector.lab.synthetic.sample import Pixels
from inspector.lab.synthetic.scene import crop_grain
from inspector.lab.training.architecture import MERGE_SIZE, PATCH_PX, TOWER_SIDE_PX

CLASSES: Final = tuple(dict.fromkeys(name for product in PRODUCTS.values() for name in product.defects))
IGNORED_LABEL: Final = -1  # label of a patch with fewer flaw pixels than MIN_LABEL_PX; the loss ignores it
MIN_LABEL_PX: Final = 4  # flaw pixels from which a patch gets the flaw's class
CELL_PX: Final = 4  # side of a cell, the resolution of a flaw's outline
CELLS_PER_PATCH: Final = (PATCH_PX // CELL_PX) ** 2
MIN_VISIBLE_PX: Final = 12  # flaw pixels from which a picture counts as showing the flaw
PIL_BICUBIC: Final = -1  # Pillow's kernel, wider than OpenCV's; the image processor uses it
RESIZERS: Final = (PIL_BICUBIC, cv2.INTER_AREA, cv2.INTER_LINEAR)
TOKEN_PX: Final = PATCH_PX * MERGE_SIZE
NEAR_FLAW_SHARE: Final = 0.7  # of the details and crops of a part with flaws
Labels = NDArray[np.int64]
Point = NDArray[np.float64]


class Window(NamedTuple):
    """A square of a frame, in its pixels; it may extend beyond the frame."""

    x: float
    y: float
    side: float


@dataclass(frozen=True, slots=True)
class TrainingPicture:
    """One square picture with its labels.

    `labels` is the class per patch: 0 good, k the k-th of CLASSES, or IGNORED_LABEL. `boxes` [rows, columns, 4] is, per
    visual token, the box (0..1) of the flaw with the most pixels in it, else NaN. `outline` [rows, columns,
    CELLS_PER_PATCH] marks the cells of each patch that a flaw covers.
    """

    pixels: Pixels
    labels: Labels
    boxes: NDArray[np.float32]
    outline: NDArray[np.bool_]
    flaws: tuple[Flaw, ...] = ()
    in_scope: bool = True

    @property
    def main(self) -> tuple[int, Box | None]:
        """Return class and box of the most visible flaw; class 0 and no box without flaws."""
        if not self.flaws:
            return 0, None
        return CLASSES.index(self.flaws[0].defect) + 1, self.flaws[0].box_norm


def disturb(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Apply random exposure, blur, noise and JPEG compression; leave one frame in four unchanged."""
    if rng.random() < 0.25:
        return pixels
    disturbed: Any = pixels
    if rng.random() < 0.5:
        disturbed = cv2.convertScaleAbs(disturbed, alpha=_random_exposure(rng), beta=rng.uniform(-12, 12))
    if rng.random() < 0.3:
        disturbed = cv2.GaussianBlur(disturbed, (0, 0), rng.uniform(0.4, 1.9))
    if rng.random() < 0.35:
        noise = cv2.merge([crop_grain(rng, "white", len(disturbed)) for _ in range(3)])
        disturbed = cv2.add(disturbed, noise * np.float32(rng.uniform(2, 18)), dtype=cv2.CV_8U)
    if rng.random() < 0.35:
        quality = int(rng.integers(45, 96))
        disturbed = cv2.imdecode(
            cv2.imencode(".jpg", disturbed, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR
        )
    return np.asarray(disturbed, np.uint8)


def _random_exposure(rng: np.random.Generator) -> float:
    """Return a brightness factor: too dark as often as too bright, where highlights are lost."""
    return float(rng.uniform(0.55, 1.0) if rng.random() < 0.5 else rng.uniform(1.0, 1.6))


def whole_window(rng: np.random.Generator, size: int) -> Window:
    """Return the whole frame, or a slightly different framing."""
    if rng.random() < 0.5:
        return Window(0.0, 0.0, size)
    side = size * rng.uniform(0.82, 1.22)
    slack = 0.08 * size
    x, y = ((size - side) / 2 + rng.uniform(-slack, slack) for _ in range(2))
    return Window(x, y, side)


def detail_window(rng: np.random.Generator, sample: Sample) -> Window:
    """Return a crop near native resolution, usually around a flaw if there is one."""
    size = sample.pixels.shape[0]
    side = size * rng.uniform(0.36, 0.62)
    anywhere = rng.uniform(0.25 * size, 0.75 * size, 2)
    cx, cy = _point_near_flaw(rng, sample, 0.3 * side, anywhere)
    low, high = 0.0, size - side
    return Window(float(np.clip(cx - side / 2, low, high)), float(np.clip(cy - side / 2, low, high)), side)


def crop_window(rng: np.random.Generator, sample: Sample, window: Window, side: int) -> Window:
    """Return a window of `side` pixels at the scale of `window`, usually around a flaw if there is one."""
    smaller = window.side * side / TOWER_SIDE_PX
    slack, middle = window.side - smaller, np.array((window.x, window.y)) + smaller / 2
    anywhere = middle + rng.uniform(0.0, slack, 2)
    x, y = np.clip(_point_near_flaw(rng, sample, 0.4 * smaller, anywhere) - middle, 0.0, slack)
    return Window(window.x + float(x), window.y + float(y), smaller)


def _point_near_flaw(rng: np.random.Generator, sample: Sample, reach: float, anywhere: Point) -> Point:
    """Return a point within `reach` of a flaw's centre, or `anywhere`; without flaws always `anywhere`."""
    if not sample.flaws or rng.random() >= NEAR_FLAW_SHARE:
        return anywhere
    x0, y0, x1, y1 = sample.flaws[int(rng.integers(len(sample.flaws)))].box_px
    return np.array(((x0 + x1) / 2, (y0 + y1) / 2)) + rng.uniform(-reach, reach, 2)


def training_picture(
    rng: np.random.Generator, sample: Sample, disturbed: Pixels, window: Window, side: int = TOWER_SIDE_PX
) -> TrainingPicture:
    """Crop the window from the disturbed frame, resize it to `side` pixels, and compute its labels."""
    mask = _crop(sample.mask, window, side, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT)
    pixels = _crop(disturbed, window, side, RESIZERS[int(rng.integers(len(RESIZERS)))], cv2.BORDER_REPLICATE)
    counts = np.bincount(mask.ravel(), minlength=len(sample.flaws) + 1)
    moved = [_flaw_in_window(flaw, window) for flaw in sample.flaws]
    least = MIN_VISIBLE_PX * _area_scale(window, side)
    visible = [flaw for flaw, count in zip(moved, counts[1:], strict=False) if count >= least]
    return TrainingPicture(
        pixels,
        _patch_labels(sample, mask),
        _token_boxes(moved, mask),
        _flaw_cells(mask),
        tuple(sorted(visible, key=_visibility, reverse=True)),
    )


def _area_scale(window: Window, side: int) -> float:
    """Return the number of picture pixels per frame pixel, at most 1."""
    return min(1.0, (side / window.side) ** 2)


def _visibility(flaw: Flaw) -> float:
    """Return the flaw's visibility, by which flaws are ranked."""
    return float(flaw.contrast * flaw.extent_px**0.5)


def _crop(image: Pixels, window: Window, side: int, how: int, border: int) -> Pixels:
    """Crop the window, extend it beyond the frame by `border`, and resize it with the method `how`."""
    height, width = image.shape[:2]
    x0, y0, reach = round(window.x), round(window.y), round(window.side)
    inside = image[max(y0, 0) : min(y0 + reach, height), max(x0, 0) : min(x0 + reach, width)]
    over = (max(-y0, 0), max(y0 + reach - height, 0), max(-x0, 0), max(x0 + reach - width, 0))
    square = cv2.copyMakeBorder(inside, *over, border) if any(over) else inside
    if how == PIL_BICUBIC:
        return np.asarray(Image.fromarray(square).resize((side, side), Image.Resampling.BICUBIC))
    return np.asarray(cv2.resize(square, (side, side), interpolation=how), np.uint8)


def _flaw_in_window(flaw: Flaw, window: Window) -> Flaw:
    """Return the flaw with its box relative to the window, clipped to it."""
    x0, y0, x1, y1 = flaw.box_px
    shares = ((x0 - window.x, y0 - window.y), (x1 - window.x, y1 - window.y))
    (a, b), (c, d) = ((min(max(v / window.side, 0.0), 1.0) for v in pair) for pair in shares)
    box = Box(a, b, max(c, a + 1e-3), max(d, b + 1e-3))
    return replace(flaw, box_norm=box)


def _patch_labels(sample: Sample, mask: Pixels) -> Labels:
    """Return the class per patch."""
    classes = np.array([0, *(CLASSES.index(flaw.defect) + 1 for flaw in sample.flaws)], np.int64)[mask]
    grid = len(mask) // PATCH_PX
    patches = classes.reshape(grid, PATCH_PX, grid, PATCH_PX).transpose(0, 2, 1, 3).reshape(grid, grid, -1)
    touched = (patches > 0).sum(-1)
    return np.where(touched >= MIN_LABEL_PX, patches.max(-1), np.where(touched > 0, IGNORED_LABEL, 0))


def _token_boxes(moved: list[Flaw], mask: Pixels) -> NDArray[np.float32]:
    """Return, per visual token, the box of the flaw with the most pixels in it."""
    grid = len(mask) // TOKEN_PX
    cells = mask.reshape(grid, TOKEN_PX, grid, TOKEN_PX)
    shares = np.stack([(cells == index).sum((1, 3)) for index in range(len(moved) + 1)])
    shares[0] = MIN_LABEL_PX - 1
    boxes = np.array([(math.nan,) * 4, *((b.x0, b.y0, b.x1, b.y1) for b in (flaw.box_norm for flaw in moved))])
    return np.asarray(boxes[shares.argmax(0)], np.float32)


def _flaw_cells(mask: Pixels) -> NDArray[np.bool_]:
    """Mark the cells that a flaw covers by at least a quarter."""
    grid, side = len(mask) // PATCH_PX, len(mask) // CELL_PX
    touched = (mask > 0).reshape(side, CELL_PX, side, CELL_PX).sum(1, dtype=np.uint8).sum(2, dtype=np.uint8)
    covered = (touched >= CELL_PX**2 / 4).reshape(grid, PATCH_PX // CELL_PX, grid, PATCH_PX // CELL_PX)
    return np.ascontiguousarray(covered.transpose(0, 2, 1, 3).reshape(grid, grid, CELLS_PER_PATCH))


def out_of_scope_picture(rng: np.random.Generator, side: int) -> TrainingPicture:
    """Return a picture without a product: noise, a flat field, a gradient, checkers, clouds or shapes."""
    maker, patches, tokens = (
        TAUGHT_OUT_OF_SCOPE[int(rng.integers(len(TAUGHT_OUT_OF_SCOPE)))],
        side // PATCH_PX,
        side // TOKEN_PX,
    )
    return TrainingPicture(
        maker(rng, side),
        np.full((patches, patches), IGNORED_LABEL, np.int64),
        np.full((tokens, tokens, 4), np.nan, np.float32),
        np.zeros((patches, patches, CELLS_PER_PATCH), np.bool_),
        in_scope=False,
    )


def _noise(rng: np.random.Generator, side: int) -> Pixels:
    channels = 3 if rng.random() < 0.5 else 1
    noise = rng.normal(rng.uniform(60, 190), rng.uniform(15, 80), (side, side, channels))
    return np.asarray(np.clip(np.broadcast_to(noise, (side, side, 3)), 0, 255), np.uint8)


def _flat(rng: np.random.Generator, side: int) -> Pixels:
    level = rng.choice([0, 255, int(rng.integers(256))])
    return np.clip(rng.normal(level, rng.uniform(0, 6), (side, side, 3)), 0, 255).astype(np.uint8)


def _gradient(rng: np.random.Generator, side: int) -> Pixels:
    corners = rng.uniform(0, 255, (2, 2, 3)).astype(np.float32)
    return np.asarray(cv2.resize(corners, (side, side)), np.uint8)


def _checkers(rng: np.random.Generator, side: int) -> Pixels:
    step = int(rng.integers(4, 60))
    rows, columns = np.indices((side, side)) // step
    tones = rng.integers(0, 256, (2, 3)).astype(np.uint8)
    return np.asarray(tones[(rows + columns) % 2], np.uint8)


def _clouds(rng: np.random.Generator, side: int) -> Pixels:
    """Draw photo-like texture: colour noise at several scales."""
    sizes = [4, 8, 16, 32, 64, 128]
    scene = np.full((side, side, 3), rng.uniform(70, 180), np.float32)
    for level, size in enumerate(sizes):
        layer = rng.normal(0, 60 * 0.65**level, (size, size, 3)).astype(np.float32)
        scene += cv2.resize(layer, (side, side))
    return np.clip(scene, 0, 255).astype(np.uint8)


def _shapes(rng: np.random.Generator, side: int) -> Pixels:
    scene = _clouds(rng, side)
    for _ in range(int(rng.integers(3, 25))):
        x, y, r = (int(v) for v in rng.uniform((0, 0, 4), (side, side, 70)))
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        if rng.random() < 0.5:
            cv2.circle(scene, (x, y), r, colour, -1, cv2.LINE_AA)
        else:
            turn = rng.uniform(0, math.pi)
            end = (int(x + 3 * r * math.cos(turn)), int(y + 3 * r * math.sin(turn)))
            cv2.line(scene, (x, y), end, colour, 1 + r // 5, cv2.LINE_AA)
    return scene


TAUGHT_OUT_OF_SCOPE: Final = (_noise, _flat, _gradient, _checkers, _clouds, _shapes)
