"""Pixels for a backbone: a picture scaled to a number of pixels, its sides multiples of the network's stride."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inspector.adapters.pictures import decode_rgb
from inspector.ports.engine import Picture

Array = NDArray[Any]
MIN_SIDE_STRIDES: Final = 4  # of a scaled picture: long, thin pictures keep this many patches across


def scaled_pixels(picture: Picture, area_px: int, stride: int) -> Array:
    """Return [rows, columns, 3] from 0 to 255. Raises PictureError for an unreadable picture."""
    whole = decode_rgb(picture.data, picture.bit_depth, picture.region)
    size = _size(whole.size, area_px, stride)
    return np.asarray(whole.resize(size, _filter(whole.size, area_px)), np.float32)


def _size(size: tuple[int, int], area_px: int, stride: int) -> tuple[int, int]:
    scale = (area_px / (size[0] * size[1])) ** 0.5
    width, height = (max(MIN_SIDE_STRIDES, round(side * scale / stride)) * stride for side in size)
    limit = area_px // (MIN_SIDE_STRIDES * stride)  # keeps the area of long, thin pictures near its limit
    return min(width, limit), min(height, limit)


def _filter(size: tuple[int, int], area_px: int) -> Image.Resampling:
    return Image.Resampling.BICUBIC if size[0] * size[1] < area_px else Image.Resampling.LANCZOS
