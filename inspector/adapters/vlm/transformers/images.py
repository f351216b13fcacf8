"""Encoded pictures to the patches that the vision tower reads: crop, resize within the card's pixel budget.

Knows Pillow and the image processor; no model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from PIL import Image

from inspector.adapters.pictures import decode_rgb
from inspector.adapters.vlm.transformers.qwen_resize import find_qwen_resize, processed
from inspector.domain.model_card import ModelCard, Pixels
from inspector.domain.report import WHOLE_FRAME, Box
from inspector.errors import PictureError
from inspector.ports.engine import Picture

if TYPE_CHECKING:
    import torch
    from transformers import Qwen2VLImageProcessorPil


SURROUNDINGS: Final = 1.5  # times the sides of a suspicious region, which a detail shows
MIN_DETAIL_PX: Final = 32  # side of a detail: the model has one token for it
MAX_ASPECT: Final = 4.0  # of a detail's sides


class PatchBatch(NamedTuple):
    """Input of the vision tower: `pixels` [patches, values], `grid` [pictures, (1, rows, columns)].

    `tokens` is the number of tokens of each picture. `window` is the shown part of the last one (0..1), and `scale` the
    side of one of its pixels there, in shown pixels.
    """

    pixels: torch.Tensor
    grid: torch.Tensor
    tokens: tuple[int, ...]
    window: Box = WHOLE_FRAME
    scale: float = 1.0


class ImagePreparer:
    """Prepares the pictures of one part. Thread-safe."""

    def __init__(self, processor: Qwen2VLImageProcessorPil, card: ModelCard) -> None:
        self._processor = processor
        self._whole = card.pixels
        self._zoom = card.zoom_pixels or card.pixels
        self._resize = find_qwen_resize(processor)

    def patches(self, pictures: Sequence[Picture]) -> PatchBatch:
        """Return the patches of these pictures. Raises PictureError for an unreadable one."""
        import torch

        parts = [self._part(picture, number, len(pictures)) for number, picture in enumerate(pictures, 1)]
        return PatchBatch(
            torch.cat([part.pixels for part in parts]),
            torch.cat([part.grid for part in parts]),
            tuple(count for part in parts for count in part.tokens),
            parts[-1].window,
            parts[-1].scale,
        )

    def _part(self, picture: Picture, number: int, count: int) -> PatchBatch:
        """Return the patches of one picture; an error names it among golden samples and frame."""
        try:
            return self._one(picture)
        except PictureError as error:
            raise PictureError(f"picture {number} of {count}: {error}" if count > 1 else str(error)) from error

    def _one(self, picture: Picture) -> PatchBatch:
        image = decode_rgb(picture.data, picture.bit_depth, picture.region)
        if picture.crop is None:
            return self._cut(image, self._whole)
        detail = crop_of(image, picture.crop)
        cut = self._cut(enlarged(detail.image, self._zoom), self._zoom)
        return cut._replace(window=detail.window, scale=cut.scale * enlargement(detail.image, self._zoom))

    def _cut(self, image: Image.Image, budget: Pixels) -> PatchBatch:
        try:
            cut = processed(self._processor, image, budget, self._resize)
        except ValueError as error:
            raise PictureError(
                f"a picture of {image.width} x {image.height} pixels can't be resized: {error}"
            ) from error
        grid: torch.Tensor = cut["image_grid_thw"]
        merged = self._processor.merge_size**2
        shown_px = int(grid.prod()) * self._processor.patch_size**2
        scale = math.sqrt(shown_px / (image.width * image.height))
        return PatchBatch(cut["pixel_values"], grid, (int(grid.prod()) // merged,), scale=scale)


class Crop(NamedTuple):
    """A part cut out of a picture, and which part it is (0..1)."""

    image: Image.Image
    window: Box


def crop_of(image: Image.Image, crop: Box) -> Crop:
    """Cut the crop with its surroundings."""
    cut = crop_window(image.size, crop)
    (width, height), (left, top, right, bottom) = image.size, cut
    return Crop(image.crop(cut), Box(left / width, top / height, right / width, bottom / height))


def crop_window(size: tuple[int, int], crop: Box) -> tuple[int, int, int, int]:
    """Return SURROUNDINGS times the crop around its centre, in whole pixels and inside the picture.

    It shows MIN_DETAIL_PX a side where the picture is that large, and is at most MAX_ASPECT times as long as wide.
    """
    wide, high = ((high - low) * length for low, high, length in zip(crop[:2], crop[2:], size, strict=True))
    least = max(MIN_DETAIL_PX, SURROUNDINGS * max(wide, high) / MAX_ASPECT)
    left, right = _span(crop.x0, crop.x1, size[0], max(SURROUNDINGS * wide, least))
    top, bottom = _span(crop.y0, crop.y1, size[1], max(SURROUNDINGS * high, least))
    return left, top, right, bottom


def enlargement(image: Image.Image, budget: Pixels) -> float:
    """Return how many times longer a detail's sides are made, so that it fills the budget; 1 where it is larger."""
    return max(1.0, math.sqrt(budget.max / (image.width * image.height)))


def enlarged(image: Image.Image, budget: Pixels) -> Image.Image:
    """Return a detail as large as the budget allows; a larger one as it is."""
    scale = enlargement(image, budget)
    size = max(1, math.floor(image.width * scale)), max(1, math.floor(image.height * scale))
    return image if scale == 1.0 else image.resize(size, Image.Resampling.BICUBIC)


def _span(low: float, high: float, length: int, wanted: float) -> tuple[int, int]:
    side = min(length, max(1, math.ceil(wanted)))
    start = round((low + high) / 2 * length - side / 2)
    start = min(max(start, 0), length - side)
    return start, start + side
