"""From encoded pictures to the patches the vision tower reads: decode, crop at native resolution, resize within
the card's pixel budget. Knows Pillow and the image processor; no model."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from inspector.domain.model_card import ModelCard, Pixels
from inspector.domain.report import WHOLE_FRAME, Box
from inspector.errors import PictureError
from inspector.ports.engine import Picture

if TYPE_CHECKING:
    import torch
    from transformers import Qwen2VLImageProcessorPil

UNREADABLE: Final = (OSError, SyntaxError, ValueError, MemoryError, Image.DecompressionBombError)


class Patches(NamedTuple):
    """What the vision tower reads: `pixels` [patches, values], `grid` [pictures, (1, rows, columns)], how many tokens
    each picture takes, and the part of the last one that is shown."""

    pixels: torch.Tensor
    grid: torch.Tensor
    tokens: tuple[int, ...]
    window: Box = WHOLE_FRAME


class Optics:
    """Prepares the pictures of one part. Safe to call from many threads."""

    def __init__(self, processor: Qwen2VLImageProcessorPil, card: ModelCard) -> None:
        self._processor = processor
        self._whole = card.pixels
        self._zoom = card.zoom_pixels or card.pixels

    def patches(self, pictures: Sequence[Picture]) -> Patches:
        """Raises PictureError for a picture that can't be read."""
        import torch

        parts = [self._one(picture) for picture in pictures]
        return Patches(
            torch.cat([part.pixels for part in parts]),
            torch.cat([part.grid for part in parts]),
            tuple(count for part in parts for count in part.tokens),
            parts[-1].window,
        )

    def _one(self, picture: Picture) -> Patches:
        image = decode(picture.data)
        if picture.crop is None:
            return self._cut(image, self._whole)
        detail = detail_of(image, picture.crop, self._zoom)
        return self._cut(detail.image, self._zoom)._replace(window=detail.window)

    def _cut(self, image: Image.Image, budget: Pixels) -> Patches:
        size = {"shortest_edge": budget.min, "longest_edge": budget.max}
        try:
            cut = self._processor(images=[image], size=size, return_tensors="pt")
        except ValueError as error:
            raise PictureError(
                f"a picture of {image.width} x {image.height} pixels can't be resized: {error}"
            ) from error
        grid: torch.Tensor = cut["image_grid_thw"]
        merged = self._processor.merge_size**2
        return Patches(cut["pixel_values"], grid, (int(grid.prod()) // merged,))


def decode(data: bytes) -> Image.Image:
    """An upright 8-bit RGB picture. Raises PictureError with the reason."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _eight_bit(ImageOps.exif_transpose(image)).convert("RGB")
    except (*UNREADABLE, Image.DecompressionBombWarning) as error:
        raise PictureError(f"the picture can't be read ({len(data)} bytes): {error}") from error


class Detail(NamedTuple):
    """A part cut out of a picture, and which part that is (0..1)."""

    image: Image.Image
    window: Box


def detail_of(image: Image.Image, crop: Box, budget: Pixels) -> Detail:
    """The crop at native resolution, as large as the budget shows without resizing."""
    cut = window(image.size, crop, math.isqrt(budget.max))
    (width, height), (left, top, right, bottom) = image.size, cut
    return Detail(image.crop(cut), Box(left / width, top / height, right / width, bottom / height))


def window(size: tuple[int, int], crop: Box, side: int) -> tuple[int, int, int, int]:
    """The crop in whole pixels, grown around its centre to at least `side` where the picture is that large: a
    zoom shows native pixels, not enlarged ones."""
    left, right = _span(crop.x0, crop.x1, size[0], side)
    top, bottom = _span(crop.y0, crop.y1, size[1], side)
    return left, top, right, bottom


def _span(low: float, high: float, length: int, side: int) -> tuple[int, int]:
    wanted = min(length, max(math.ceil((high - low) * length), side))
    start = round((low + high) / 2 * length - wanted / 2)
    start = min(max(start, 0), length - wanted)
    return start, start + wanted


def _eight_bit(image: Image.Image) -> Image.Image:
    """Pillow clips 16-bit grey pictures at 255 when it converts them; their upper byte is the picture."""
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
