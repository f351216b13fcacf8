"""Small grey pictures."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.numerics.small_grey import SIDE_CELLS, small_grey


def test_brightness_and_contrast_of_the_light_do_not_matter() -> None:
    pixels = np.random.default_rng(1).random((64, 64))
    assert np.allclose(small_grey(pixels), small_grey(0.3 + 0.5 * pixels), atol=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (640, 480)])
def test_any_size_gives_the_same_cells(shape: tuple[int, int]) -> None:
    assert small_grey(np.ones(shape)).shape == (SIDE_CELLS, SIDE_CELLS)
