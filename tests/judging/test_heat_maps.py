"""Heat maps of patches: small, over the camera's region, and no hot patch is lost."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.domain.heat_map import HeatMap
from inspector.domain.report import Box
from inspector.judging.heat_maps import MAX_CELLS, heat_map


@pytest.mark.parametrize("shape", [(1, 1), (4, 7), (48, 49), (97, 200), (1000, 3)])
def test_hottest_patch_stays_where_it_is(shape: tuple[int, int]) -> None:
    heat = np.random.default_rng(7).random(shape)
    row, column = shape[0] - 1, shape[1] // 2
    heat[row, column] = 9.0
    found = heat_map(heat, None)
    assert found is not None
    assert max(found.rows, found.columns) <= MAX_CELLS
    assert found.most == 9.0
    levels = np.frombuffer(found.levels, np.uint8).reshape(found.rows, found.columns)
    place = np.unravel_index(int(levels.argmax()), levels.shape)
    assert abs(place[0] / found.rows - row / shape[0]) <= 1 / found.rows
    assert abs(place[1] / found.columns - column / shape[1]) <= 1 / found.columns


def test_map_of_a_region_lies_over_the_region() -> None:
    found = heat_map(np.ones((2, 2)), (0.25, 0.5, 0.75, 1.0))
    assert found is not None
    assert (found.box, set(found.levels), found.least) == (Box(0.25, 0.5, 0.75, 1.0), {0}, 1.0)


@pytest.mark.parametrize("heat", [np.zeros((0, 0)), np.array([[1.0, np.nan]])], ids=["no heat", "not a number"])
def test_no_heat_is_no_map(heat: np.ndarray) -> None:
    assert heat_map(heat, None) is None


def test_levels_that_are_no_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="5 levels are no grid of 2 x 3 cells"):
        HeatMap(2, 3, Box(0.0, 0.0, 1.0, 1.0), 0.0, 1.0, bytes(5))
