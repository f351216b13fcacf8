"""Looking up the most similar reviewed parts."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.numerics.small_grey import SIDE_CELLS, small_grey
from inspector.reviewing.nearest_parts import nearest


def test_the_most_similar_come_first_and_likeness_is_a_share() -> None:
    rng = np.random.default_rng(0)
    looks = [small_grey(rng.random((80, 60))).ravel() for _ in range(50)]
    found = nearest(looks[7], looks, 3)
    assert found[0].number == 7
    assert found[0].likeness == pytest.approx(1.0, abs=0.02)
    assert all(0.0 <= each.likeness <= 1.0 for each in found)
    assert [each.likeness for each in found] == sorted((each.likeness for each in found), reverse=True)


def test_brightness_and_contrast_of_the_light_do_not_matter() -> None:
    pixels = np.random.default_rng(1).random((64, 64))
    assert np.allclose(small_grey(pixels), small_grey(0.3 + 0.5 * pixels), atol=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (640, 480)])
def test_any_size_gives_the_same_cells(shape: tuple[int, int]) -> None:
    assert small_grey(np.ones(shape)).shape == (SIDE_CELLS, SIDE_CELLS)


def test_nothing_is_near_among_none() -> None:
    assert nearest(np.ones(4), [], 3) == []
