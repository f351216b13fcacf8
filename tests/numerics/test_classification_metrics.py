"""How well scores separate OK from NG parts, and how well they are calibrated."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from inspector.numerics.classification_metrics import (
    auroc,
    balanced_accuracy,
    calibration_error,
    reliability,
    weighted_auroc,
    weighted_balanced_accuracy,
)

Array = NDArray[Any]
twentieths = st.integers(0, 20).map(lambda k: k / 20)
told = st.lists(st.tuples(twentieths, st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(ng for _, ng in rows) < len(rows)
)


def columns(rows: list[tuple[float, bool]]) -> tuple[Array, Array]:
    return np.array([p for p, _ in rows]), np.array([ng for _, ng in rows])


@given(told)
def test_auroc_is_the_share_of_pairs_in_order_with_ties_as_half(rows: list[tuple[float, bool]]) -> None:
    scores, ng = columns(rows)
    pairs = [1.0 if bad > good else 0.5 if bad == good else 0.0 for bad, good in product(scores[ng], scores[~ng])]
    assert auroc(scores, ng) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


@given(told, st.floats(0.0, 1.0))
def test_balanced_accuracy_is_the_mean_of_both_recalls(rows: list[tuple[float, bool]], threshold: float) -> None:
    scores, ng = columns(rows)
    right = (scores > threshold) == ng
    assert balanced_accuracy(right, ng) == pytest.approx((right[ng].mean() + right[~ng].mean()) / 2)


@given(told, st.integers(0, 2**32 - 1))
def test_a_weight_counts_a_part_as_if_it_were_there_so_often(rows: list[tuple[float, bool]], seed: int) -> None:
    scores, ng = columns(rows)
    weights = np.random.default_rng(seed).integers(1, 4, size=(2, len(ng)))
    for draw, each in enumerate(weights):
        many_scores, many_ng = np.repeat(scores, each), np.repeat(ng, each)
        assert weighted_auroc(weights, scores, ng)[draw] == pytest.approx(auroc(many_scores, many_ng))
        right, many_right = (scores > 0.5) == ng, (many_scores > 0.5) == many_ng
        expected = balanced_accuracy(many_right, many_ng)
        assert weighted_balanced_accuracy(weights * 1.0, right, ng)[draw] == pytest.approx(expected)


def test_calibration_error_is_the_gap_between_probability_and_truth() -> None:
    ng = np.arange(20) % 2 == 0
    assert calibration_error(ng * 1.0, ng) == 0.0
    assert calibration_error(np.full(20, 0.8), ng) == pytest.approx(0.3)


def test_reliability_table_by_hand() -> None:
    table = reliability([0.05, 0.15, 0.19, 1.0], [False, False, True, True])
    assert [(each.low, each.parts, each.ng_share) for each in table] == [(0.0, 1, 0.0), (0.1, 2, 0.5), (0.9, 1, 1.0)]
    assert calibration_error([0.05, 0.15, 0.19, 1.0], [False, False, True, True]) == pytest.approx(
        0.25 * 0.05 + 0.5 * 0.33
    )


@given(told)
def test_reliability_loses_no_part_and_error_is_a_share(rows: list[tuple[float, bool]]) -> None:
    p_ng, ng = [p for p, _ in rows], [bad for _, bad in rows]
    assert sum(each.parts for each in reliability(p_ng, ng)) == len(rows)
    assert 0.0 <= calibration_error(p_ng, ng) <= 1.0
