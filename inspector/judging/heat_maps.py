"""Makes small heat maps of the heat of patches, to be stored with each part."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inspector.domain.cameras import Region
from inspector.domain.heat_map import HeatMap
from inspector.domain.report import WHOLE_FRAME, on_frame

MAX_CELLS: Final = 48  # of one side: a map has at most 2.3 kB


def heat_map(heat: NDArray[Any], region: Region | None) -> HeatMap | None:
    """Return the heat map of patches [rows, columns] over the camera's region; None where a model has no heat.

    A cell that covers several patches shows the hottest of them, so that a small defect stays visible.
    """
    if not heat.size or not np.isfinite(heat).all():
        return None
    cells = _pooled(_pooled(heat, 0), 1)
    least, most = float(cells.min()), float(cells.max())
    levels = np.rint(255.0 * (cells - least) / ((most - least) or 1.0)).astype(np.uint8)
    rows, columns = cells.shape
    return HeatMap(rows, columns, on_frame(WHOLE_FRAME, region), least, most, levels.tobytes())


def _pooled(heat: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return at most MAX_CELLS cells along the axis, each the hottest of its patches."""
    count = heat.shape[axis]
    if count <= MAX_CELLS:
        return heat
    starts = np.unique(np.arange(MAX_CELLS) * count // MAX_CELLS)
    return np.maximum.reduceat(heat, starts, axis=axis)
