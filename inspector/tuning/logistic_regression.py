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


class LogisticFit(NamedTuple):
    """Weights of the columns, and the curvature of the loss there: its inverse is their covariance, if the model
    holds and rows are independent."""

    weights: Array
    curvature: Array


def fit_logistic(design: Array, targets: Array, ridge: float = 1e-12, row_weights: Array | None = None) -> LogisticFit:
    """Least cross entropy of sigmoid(design @ weights), plus ridge / 2 times the squared weights: a ridge keeps them
    finite where 0 and 1 can be parted cleanly. `row_weights`: how often each row counts; once unless told."""
    problem = Problem(design, targets, np.ones(len(targets)) if row_weights is None else row_weights, ridge)
    weights = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        downhill, curvature = problem.slopes(weights)
        if np.abs(downhill).max() < PRECISION * len(targets):
            break
        before, weights = weights, _halved(problem, weights, np.linalg.solve(curvature, downhill))
        if weights is before:
            break
    return LogisticFit(weights, curvature)


class Problem(NamedTuple):
    """What is to be fitted."""

    design: Array
    targets: Array
    row_weights: Array
    ridge: float

    def loss(self, weights: Array) -> float:
        log_odds = self.design @ weights
        rows = np.logaddexp(0.0, log_odds) - self.targets * log_odds
        return float((self.row_weights * rows).sum() + self.ridge / 2.0 * weights @ weights)

    def slopes(self, weights: Array) -> tuple[Array, Array]:
        """The way downhill, and the curvature."""
        said = sigmoid(self.design @ weights)
        downhill = self.design.T @ (self.row_weights * (self.targets - said)) - self.ridge * weights
        bent = self.design * (self.row_weights * said * (1.0 - said))[:, None]
        return downhill, self.design.T @ bent + self.ridge * np.eye(len(weights))


def sigmoid(x: Array) -> Array:
    """Never overflows, and keeps its precision near 0."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, small) / (1.0 + small)


def _halved(problem: Problem, weights: Array, step: Array) -> Array:
    """The first of step, step / 2, step / 4 … that lowers the loss; no step where none does."""
    before = problem.loss(weights)
    tries = (weights + step * 0.5**halving for halving in range(HALVINGS))
    return next((tried for tried in tries if problem.loss(tried) < before), weights)
