"""The vectors of a set that are most like one. Pure numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Neighbour(NamedTuple):
    """The number of a vector, and its likeness to the one that is looked up: 1 for the same direction, 0 for none."""

    number: int
    likeness: float


def unit_rows(vectors: NDArray[Any]) -> NDArray[Any]:
    """Return the rows with length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny))


def nearest(shown: NDArray[Any], others: NDArray[Any], count: int) -> list[Neighbour]:
    """Return the `count` most similar rows of `others` [rows, width] by the cosine to `shown` [width], best first."""
    if not len(others):
        return []
    likeness = unit_rows(others) @ unit_rows(shown[np.newaxis])[0]
    order = np.argsort(-likeness, kind="stable")[:count]
    return [Neighbour(int(at), float(np.clip(likeness[at], 0.0, 1.0))) for at in order]
