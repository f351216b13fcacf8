"""The figures of strategies against their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from inspector.domain.declared import Disposition
from inspector.lab.evaluation.comparison import front
from inspector.lab.evaluation.paired_bootstrap import FIGURES, PairedBootstrap
from inspector.lab.evaluation.strategy_figures import (
    FOLDS,
    PartLabels,
    StrategyScores,
    best_threshold,
    risk_coverage,
    strategy_figures,
    thresholds,
)
from inspector.numerics.classification_metrics import auroc, balanced_accuracy

Array = NDArray[Any]
COUNT = 40
scores = arrays.arrays(np.float64, COUNT, elements=st.integers(0, 20).map(lambda k: k / 20))
labels = arrays.arrays(np.bool_, COUNT).filter(lambda ng: 2 <= ng.sum() <= COUNT - 2)


def truth(ng: Array, hard: Array | None = None) -> PartLabels:
    return PartLabels(ng, np.zeros(len(ng), bool) if hard is None else hard, np.arange(len(ng)) % FOLDS)


def scores_of(score: Array, known: PartLabels, **changes: Any) -> StrategyScores:
    threshold = thresholds(score, known)
    one = np.ones(len(score))
    given = {
        "score": score,
        "readable": one > 0,
        "threshold": threshold,
        "called": score > threshold,
        "margin": np.abs(score - threshold),
        "disposition": np.where(score < 0.3, Disposition.PASS, np.where(score > 0.7, "REJECT", "REVIEW")),
        "votes": one,
        "tokens": one,
        "ms": one,
        "rungs": one,
    }
    return StrategyScores(**given | changes)


@given(scores, labels)
def test_no_threshold_is_better_than_the_best(score: Array, ng: Array) -> None:
    reached = balanced_accuracy((score > best_threshold(score, ng)) == ng, ng)
    assert all(reached >= balanced_accuracy((score > edge) == ng, ng) - 1e-9 for edge in (*np.unique(score), -1.0))


@given(scores, labels, st.integers(0, COUNT - 1), st.floats(0.0, 1.0))
def test_a_parts_threshold_does_not_depend_on_the_part(score: Array, ng: Array, part: int, other: float) -> None:
    changed = score.copy()
    changed[part] = other
    assert thresholds(score, truth(ng))[part] == thresholds(changed, truth(ng))[part]


@given(scores, labels)
def test_drawn_once_each_every_figure_is_the_plain_one(score: Array, ng: Array) -> None:
    known = truth(ng)
    one_strategy, plain = scores_of(score, known), np.ones((1, COUNT), np.float32)
    result = strategy_figures(one_strategy, known)
    assert FIGURES["auroc"](plain, one_strategy, known)[0] == pytest.approx(auroc(score, ng))
    assert FIGURES["balanced_accuracy"](plain, one_strategy, known)[0] == pytest.approx(
        result.balanced_accuracy, abs=1e-6
    )
    assert FIGURES["votes_mean"](plain, one_strategy, known)[0] == pytest.approx(result.votes_mean)


@given(scores, labels)
def test_a_strategy_does_not_differ_from_itself(score: Array, ng: Array) -> None:
    known = truth(ng)
    one_strategy, bootstrap = scores_of(score, known), PairedBootstrap(known)
    assert all(tuple(each) == (0.0, 0.0, 0.0) for each in bootstrap.differences(one_strategy, one_strategy).values())
    assert all(tuple(each) == (1.0, 1.0, 1.0) for each in bootstrap.ratios(one_strategy, one_strategy).values())


def test_drawings_follow_their_seed() -> None:
    rng = np.random.default_rng(1)
    known = truth(rng.random(COUNT) < 0.5)
    one, other = (scores_of(rng.random(COUNT), known) for _ in range(2))
    first, again, another = (PairedBootstrap(known, seed).differences(one, other) for seed in (1, 1, 2))
    assert first == again != another


def test_intervals_hold_the_true_difference_nineteen_times_in_twenty() -> None:
    """Two strategies that are right equally often: they differ by chance only."""
    rng, ng, inside = np.random.default_rng(3), np.arange(400) % 2 == 0, 0
    known = truth(ng)
    bootstrap = PairedBootstrap(known)
    for _ in range(60):
        one, other = (scores_of(rng.normal(ng, 1.0), known, called=(rng.random(400) < 0.8) == ng) for _ in range(2))
        result = bootstrap.differences(one, other)["balanced_accuracy"]
        inside += result.low <= 0.0 <= result.high
    assert inside >= 51


def test_hard_figures_are_of_hard_parts_and_absent_where_none_are_known() -> None:
    ng = np.arange(COUNT) % 2 == 0
    hard = ~ng | (np.arange(COUNT) < 20)
    score = np.where(ng & hard, 0.1, np.where(ng, 0.9, 0.2))
    called = {"called": score > 0.5}
    known = truth(ng, hard)
    assert strategy_figures(scores_of(score, known, **called), known).balanced_accuracy_hard == 0.5
    assert strategy_figures(scores_of(score, known, **called), known).balanced_accuracy == 0.75
    assert strategy_figures(scores_of(score, truth(ng)), truth(ng)).balanced_accuracy_hard is None
    assert "balanced_accuracy_hard" not in PairedBootstrap(truth(ng)).differences(*[scores_of(score, truth(ng))] * 2)


def test_escape_overkill_and_review_are_shares_of_their_own_parts() -> None:
    ng = np.array([True, True, True, True, False, False])
    disposition = np.array([*["PASS", "REJECT", "REJECT", "REVIEW"], *["REJECT", "PASS"]])
    score = np.array([0.1, 0.9, 0.9, 0.5, 0.9, 0.1])
    known = truth(ng)
    result = strategy_figures(scores_of(score, known, disposition=disposition), known)
    assert (result.escape, result.overkill, result.review) == (0.25, 0.5, 1 / 6)


def test_calling_nothing_ng_has_no_precision_and_no_recall() -> None:
    known = truth(np.arange(COUNT) % 2 == 0)
    result = strategy_figures(scores_of(np.full(COUNT, 0.5), known, called=np.zeros(COUNT, bool)), known)
    assert (result.precision, result.recall, result.f1) == (0.0, 0.0, 0.0)


@given(scores, labels)
def test_risk_at_full_coverage_is_the_share_of_errors(score: Array, ng: Array) -> None:
    known = truth(ng)
    one_strategy = scores_of(score, known)
    assert risk_coverage(one_strategy, known)[-1] == pytest.approx((one_strategy.called != ng).mean())


def test_doubt_in_the_right_place_lowers_the_area_and_no_doubt_is_the_error_rate() -> None:
    ng = np.arange(COUNT) % 2 == 0
    wrong = np.arange(COUNT) < 8
    known, called = truth(ng), ng ^ wrong
    areas = [
        strategy_figures(scores_of(ng * 1.0, known, called=called, margin=margin), known).aurc
        for margin in (np.where(wrong, 0.1, 1.0), np.ones(COUNT), np.where(wrong, 1.0, 0.1))
    ]
    assert areas == sorted(areas)
    assert areas[1] == pytest.approx(0.2)


def test_only_unbeaten_strategies_are_on_the_front() -> None:
    points = {
        "cheap": (1.0, 0.90),
        "same price": (1.0, 0.85),
        "dear and bad": (9.0, 0.89),
        "dear and good": (3.0, 0.95),
    }
    assert front(points) == ["cheap", "dear and good"]
