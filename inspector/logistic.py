"""Logistic regression by maximum likelihood. Pure numbers.

Newton's method with halved steps (Lin, Lin & Weng 2007): targets may be shares as well as 0 and 1.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

ROUNDS: Final = 100
HALVINGS: Final = 30
PRECISION: Final = 1e-10
Array = NDArray[Any]


class Fit(NamedTuple):
    """Weights of the columns, and the curvature of the loss there: its inverse is their covariance, if the model
    holds and rows are independent."""

    weights: Array
    curvature: Array


def logistic(design: Array, targets: Array, ridge: float = 1e-12) -> Fit:
    """Least cross entropy of sigmoid(design @ weights), plus ridge / 2 times the squared weights: a ridge keeps them
    finite where 0 and 1 can be parted cleanly."""
    weights = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        said = sigmoid(design @ weights)
        downhill = design.T @ (targets - said) - ridge * weights
        curvature = design.T @ (design * (said * (1.0 - said))[:, None]) + ridge * np.eye(len(weights))
        if np.abs(downhill).max() < PRECISION * len(targets):
            break
        weights = _halved(design, targets, weights, np.linalg.solve(curvature, downhill), ridge)
    return Fit(weights, curvature)


def sigmoid(x: Array) -> Array:
    """Never overflows, and keeps its precision near 0."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, small) / (1.0 + small)


def _halved(design: Array, targets: Array, weights: Array, step: Array, ridge: float) -> Array:
    """The first of step, step / 2, step / 4 … that lowers the loss; no step where none does."""
    before = _loss(design, targets, weights, ridge)
    tries = (weights + step * 0.5**halving for halving in range(HALVINGS))
    return next((tried for tried in tries if _loss(design, targets, tried, ridge) < before), weights)


def _loss(design: Array, targets: Array, weights: Array, ridge: float) -> float:
    log_odds = design @ weights
    return float((np.logaddexp(0.0, log_odds) - targets * log_odds).sum() + ridge / 2.0 * weights @ weights)
