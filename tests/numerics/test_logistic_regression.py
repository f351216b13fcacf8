"""Logistic regression, compared with known results."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from inspector.numerics.logistic_regression import fit_logistic


def test_weights_that_drew_the_data_are_found_again() -> None:
    rng = np.random.default_rng(1)
    design = np.column_stack([rng.normal(size=20_000), np.ones(20_000)])
    drawn = rng.random(20_000) < expit(design @ np.array([1.5, -0.5]))
    fit = fit_logistic(design, drawn.astype(float))
    errors = np.sqrt(np.diag(np.linalg.inv(fit.curvature)))
    assert np.abs(fit.weights - [1.5, -0.5]).max() < 4 * errors.max()


@given(st.integers(1, 50), st.integers(1, 50))
def test_a_constant_alone_meets_the_share(yes: int, no: int) -> None:
    targets = np.array([1.0] * yes + [0.0] * no)
    fit = fit_logistic(np.ones((yes + no, 1)), targets)
    assert expit(fit.weights)[0] == pytest.approx(yes / (yes + no), abs=1e-6)


def test_a_ridge_keeps_weights_finite_where_classes_part_cleanly() -> None:
    design = np.column_stack([[-2.0, -1.0, 1.0, 2.0], np.ones(4)])
    fit = fit_logistic(design, np.array([0.0, 0.0, 1.0, 1.0]), ridge=0.01)
    assert 1.0 < fit.weights[0] < 20.0


@given(st.lists(st.tuples(st.floats(-30, 30), st.booleans()), min_size=2, max_size=30))
def test_no_small_step_away_lowers_the_loss(rows: list[tuple[float, bool]]) -> None:
    design = np.column_stack([[x for x, _ in rows], np.ones(len(rows))])
    targets, ridge = np.array([float(yes) for _, yes in rows]), 0.1

    def loss(weights: np.ndarray) -> float:
        log_odds = design @ weights
        return float((np.logaddexp(0.0, log_odds) - targets * log_odds).sum() + ridge / 2 * weights @ weights)

    fit = fit_logistic(design, targets, ridge)
    for step in ([0.01, 0.0], [-0.01, 0.0], [0.0, 0.01], [0.0, -0.01]):
        assert loss(fit.weights) <= loss(fit.weights + step) + 1e-9


def test_endless_log_odds_never_overflow() -> None:
    design = np.column_stack([[-1e4, 1e4], np.ones(2)])
    fit = fit_logistic(design, np.array([0.0, 1.0]), ridge=0.1)
    assert expit(design @ fit.weights) == pytest.approx([0.0, 1.0], abs=1e-3)
    assert np.isfinite(fit.curvature).all()


def test_a_row_that_counts_twice_is_a_row_written_twice() -> None:
    design, targets = np.array([[0.5, 1.0], [-1.0, 1.0], [2.0, 1.0]]), np.array([0.7, 0.2, 0.4])
    twice = fit_logistic(np.vstack([design, design[:1]]), np.append(targets, targets[0]))
    assert fit_logistic(design, targets, row_weights=np.array([2.0, 1.0, 1.0])).weights == pytest.approx(twice.weights)
