"""Encoded pictures to the patches that the vision tower reads: crop, resize within the card's pixel budget.

Knows Pillow and the image processor; no model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

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


class PatchBatch(NamedTuple):
    """Input of the vision tower: `pixels` [patches, values], `grid` [pictures, (1, rows, columns)].

    `tokens` is the number of tokens of each picture; `window` the shown part of the last one (0..1).
    """

    pixels: torch.Tensor
    grid: torch.Tensor
    tokens: tuple[int, ...]
    window: Box = WHOLE_FRAME


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
        detail = crop_of(image, picture.crop, self._zoom)
        return self._cut(detail.image, self._zoom)._replace(window=detail.window)

    def _cut(self, image: Image.Image, budget: Pixels) -> PatchBatch:
        try:
            cut = processed(self._processor, image, budget, self._resize)
        except ValueError as error:
            raise PictureError(
                f"a picture of {image.width} x {image.height} pixels can't be resized: {error}"
            ) from error
        grid: torch.Tensor = cut["image_grid_thw"]
        merged = self._processor.merge_size**2
        return PatchBatch(cut["pixel_values"], grid, (int(grid.prod()) // merged,))


class Crop(NamedTuple):
    """A part cut out of a picture, and which part it is (0..1)."""

    image: Image.Image
    window: Box


def crop_of(image: Image.Image, crop: Box, budget: Pixels) -> Crop:
    """Cut the crop at native resolution, as large as the budget shows without resizing."""
    cut = crop_window(image.size, crop, math.isqrt(budget.max))
    (width, height), (left, top, right, bottom) = image.size, cut
    return Crop(image.crop(cut), Box(left / width, top / height, right / width, bottom / height))


def crop_window(size: tuple[int, int], crop: Box, side: int) -> tuple[int, int, int, int]:
    """Return the crop in whole pixels, grown around its centre to at least `side` where the picture is that large.

    A zoom shows native pixels, not enlarged ones.
    """
    left, right = _span(crop.x0, crop.x1, size[0], side)
    top, bottom = _span(crop.y0, crop.y1, size[1], side)
    return left, top, right, bottom


def _span(low: float, high: float, length: int, side: int) -> tuple[int, int]:
    wanted = min(length, max(math.ceil((high - low) * length), side))
    start = round((low + high) / 2 * length - wanted / 2)
    start = min(max(start, 0), length - wanted)
    return start, start + wanted
