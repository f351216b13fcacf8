"""Patches and their nearest golden neighbours: the laws of the distance, the coreset and the region."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from inspector.judging.patch_distance import FEATURE_WIDTH, build_patch_bank, coreset, hottest_region, mean_farthest
from inspector.ports.engine import PatchMap

Array = NDArray[Any]
seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 6)
heats = st.integers(1, 8).flatmap(lambda rows: st.integers(1, 8).map(lambda columns: (rows, columns)))


def a_picture(seed: int, side: int = 6, width: int = 8) -> PatchMap:
    """Patches of two kinds, as a part and its ground, a little different in every picture."""
    rng = np.random.default_rng(seed)
    kinds = np.eye(width)[rng.integers(0, 2, (side, side))]
    return kinds + 0.05 * rng.standard_normal((side, side, width))


def spoilt(picture: PatchMap, row: int = 2, column: int = 3) -> PatchMap:
    """With one patch of a kind that no good part has."""
    bad = picture.copy()
    bad[row, column] = -picture[row, column]
    return bad


def hottest(heat: Array) -> tuple[int, int]:
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    return int(row), int(column)


def good_ones(count: int = 4) -> list[PatchMap]:
    return [a_picture(seed) for seed in range(count)]


@given(seeds, st.integers(1, 5))
def test_a_golden_sample_itself_is_not_suspicious_at_all(seed: int, count: int) -> None:
    golden = [a_picture(seed + k) for k in range(count)]
    found = build_patch_bank(golden).compare(golden[-1])
    assert found.ratio == pytest.approx(0.0, abs=1e-3)
    assert found.p_ng == pytest.approx(0.0, abs=1e-3)


@given(seeds)
def test_a_patch_unlike_all_golden_ones_is_the_hottest(seed: int) -> None:
    golden = build_patch_bank(good_ones())
    good, bad = golden.compare(a_picture(seed)), golden.compare(spoilt(a_picture(seed)))
    assert bad.ratio > 2.0 * good.ratio
    assert hottest(bad.heat) == (2, 3)


@given(seeds, seeds)
def test_where_a_patch_lies_does_not_matter(seed: int, order: int) -> None:
    picture = spoilt(a_picture(seed))
    flat = picture.reshape(-1, picture.shape[-1])
    moved = np.random.default_rng(order).permutation(flat).reshape(picture.shape)
    golden = build_patch_bank(good_ones())
    assert golden.compare(moved).ratio == pytest.approx(golden.compare(picture).ratio, rel=1e-4)


@given(seeds, st.floats(0.01, 100.0))
def test_only_the_direction_of_a_feature_counts(seed: int, scale: float) -> None:
    picture, golden = spoilt(a_picture(seed)), build_patch_bank(good_ones())
    assert golden.compare(scale * picture).ratio == pytest.approx(golden.compare(picture).ratio, rel=1e-3)


@given(seeds)
def test_one_more_golden_sample_brings_no_patch_farther_away(seed: int) -> None:
    fewer, more = build_patch_bank(good_ones(3)), build_patch_bank(good_ones(4))
    picture = spoilt(a_picture(seed))
    assert (more.compare(picture).heat * more.usual <= fewer.compare(picture).heat * fewer.usual + 1e-5).all()


@pytest.mark.parametrize("count", [2, 4, 8])
def test_good_parts_lie_as_far_away_as_is_usual(count: int) -> None:
    golden = build_patch_bank(good_ones(count))
    ratios = [golden.compare(a_picture(seed)).ratio for seed in range(100, 140)]
    assert 0.5 < float(np.mean(ratios)) < 2.0


def test_a_single_golden_sample_is_measured_by_itself() -> None:
    golden = build_patch_bank(good_ones(1))
    assert golden.compare(spoilt(a_picture(100))).ratio > 2.0 * golden.compare(a_picture(100)).ratio


@pytest.mark.parametrize("golden", [[np.ones((1, 1, 4))], [np.ones((2, 2, 4))] * 3, [np.zeros((2, 2, 4))]])
def test_golden_samples_without_any_difference_make_everything_else_suspicious(golden: list[PatchMap]) -> None:
    other = np.ones((2, 2, 4))
    other[0, 0] = [1.0, -1.0, 1.0, -1.0]
    found = build_patch_bank(golden).compare(other)
    assert found.p_ng > 0.99
    assert math.isfinite(found.ratio)


def wide_and_narrow_ratio(seed: int) -> float:
    """Distance of features eight times too wide, divided by the distance of the same features as they were."""
    turned, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((8 * FEATURE_WIDTH, 8)))
    golden, picture = good_ones(), spoilt(a_picture(seed))
    wide = build_patch_bank([each @ turned.T for each in golden]).compare(picture @ turned.T)
    assert hottest(wide.heat) == (2, 3)
    return wide.ratio / build_patch_bank(golden).compare(picture).ratio


def test_features_too_wide_to_be_compared_as_they_are_keep_their_distances() -> None:
    # One squared distance has a relative deviation of sqrt(2 / FEATURE_WIDTH) = 0.125 after the projection.
    ratios = [wide_and_narrow_ratio(seed) for seed in range(40)]
    assert float(np.median(ratios)) == pytest.approx(1.0, abs=0.125)


def test_no_golden_samples_are_no_memory() -> None:
    with pytest.raises(ValueError, match="need at least one"):
        build_patch_bank([])


@given(st.integers(1, 60), st.integers(1, 60), seeds)
def test_a_coreset_holds_no_point_twice_and_as_many_as_it_may(points: int, most: int, seed: int) -> None:
    kept = coreset(np.random.default_rng(seed).standard_normal((points, 3)), most)
    assert len(set(kept.tolist())) == len(kept) == min(points, most)


@given(st.integers(2, 6), seeds)
def test_a_coreset_keeps_the_rare_kind(kinds: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = np.array([0] * 50 + list(range(kinds)))
    points = 10.0 * np.eye(kinds)[label] + 0.1 * rng.standard_normal((len(label), kinds))
    assert set(label[coreset(points, kinds)].tolist()) == set(range(kinds))


def test_the_farthest_are_a_hundredth_and_one_at_least() -> None:
    assert mean_farthest(np.array([0.1, 0.9, 0.3])) == pytest.approx(0.9)
    assert mean_farthest(np.arange(400.0)) == pytest.approx(np.mean([396, 397, 398, 399]))


@given(heats, seeds)
def test_a_region_holds_the_hottest_patch(shape: tuple[int, int], seed: int) -> None:
    heat = np.random.default_rng(seed).random(shape)
    found, (row, column) = hottest_region(heat), hottest(heat)
    assert 0.0 <= found.x0 <= column / shape[1] < (column + 1) / shape[1] <= found.x1 <= 1.0
    assert 0.0 <= found.y0 <= row / shape[0] < (row + 1) / shape[0] <= found.y1 <= 1.0


def test_a_region_ends_where_it_cools_down_and_leaves_other_ones_out() -> None:
    heat = np.zeros((4, 8))
    heat[1, 1:4], heat[3, 7] = (1.0, 0.7, 0.6), 0.9
    assert hottest_region(heat) == (1 / 8, 1 / 4, 4 / 8, 2 / 4)


def test_where_all_is_alike_the_region_is_the_picture() -> None:
    assert hottest_region(np.zeros((3, 3))) == (0.0, 0.0, 1.0, 1.0)
