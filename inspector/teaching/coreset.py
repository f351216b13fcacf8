"""A coreset: the points that cover all others, chosen greedily (k-centre; Sener & Savarese 2018). Pure."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
CHOOSING_WIDTH: Final = 24  # dimensions in which points are chosen; random projections keep distances


def coreset(points: Array, max_points: int) -> Array:
    """Choose which points to keep: repeatedly the one farthest from all kept points. Few points are all kept."""
    if len(points) <= max_points:
        return np.arange(len(points))
    narrow = points @ _projection(points.shape[1]) if points.shape[1] > CHOOSING_WIDTH else points
    lengths = (narrow**2).sum(axis=1)
    kept, distance = [0], np.full(len(narrow), np.inf, narrow.dtype)
    while len(kept) < max_points:
        newest = kept[-1]
        np.minimum(distance, lengths + lengths[newest] - 2.0 * (narrow @ narrow[newest]), out=distance)
        distance[newest] = -np.inf
        kept.append(int(distance.argmax()))
    return np.array(kept)


@cache
def _projection(width: int) -> Array:
    drawn = np.random.default_rng(0).standard_normal((width, CHOOSING_WIDTH), dtype=np.float32)
    return np.asarray(drawn / np.sqrt(np.float32(CHOOSING_WIDTH)))
