"""Small grey pictures: kind and pose of a part, without brightness and contrast. Pure numbers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SIDE_CELLS: Final = 16
MIN_DEVIATION: Final = 1e-3


def small_grey(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the mean grey of SIDE_CELLS x SIDE_CELLS cells, without the picture's own brightness and contrast."""
    for axis in (0, 1):
        edges = np.linspace(0, pixels.shape[axis], SIDE_CELLS + 1).astype(int)
        cells = [np.take(pixels, range(low, max(low + 1, high)), axis, mode="clip") for low, high in _pairs(edges)]
        pixels = np.stack([cell.mean(axis=axis) for cell in cells], axis=axis)
    return np.asarray((pixels - pixels.mean()) / (pixels.std() + 1e-3), np.float32)


def _pairs(edges: NDArray[Any]) -> list[tuple[int, int]]:
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
