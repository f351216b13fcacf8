"""Logistic regression by maximum likelihood. Pure numbers. Targets may be shares as well as 0 and 1."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

PRECISION: Final = 1e-10  # largest gradient of a row's mean loss at the optimum
Array = NDArray[Any]


class LogisticFit(NamedTuple):
    """The fitted weights of the columns, and the curvature of the loss there.

    The inverse of the curvature is the weights' covariance if the model holds and rows are independent.
    """

    weights: Array
    curvature: Array


def fit_logistic(design: Array, targets: Array, ridge: float = 1e-12, row_weights: Array | None = None) -> LogisticFit:
    """Minimise the cross entropy of expit(design @ weights), plus ridge / 2 times the squared weights.

    A ridge keeps the weights finite where a line separates 0 from 1. `row_weights`: how often each row counts; by
    default once.
    """
    counts = np.ones(len(targets)) if row_weights is None else row_weights

    def loss(weights: Array) -> float:
        log_odds = design @ weights
        rows = np.logaddexp(0.0, log_odds) - targets * log_odds
        return float((counts * rows).sum() + ridge / 2.0 * weights @ weights)

    def gradient(weights: Array) -> Array:
        return np.asarray(design.T @ (counts * (expit(design @ weights) - targets)) + ridge * weights)

    def curvature(weights: Array) -> Array:
        p = expit(design @ weights)
        return np.asarray(design.T @ (design * (counts * p * (1.0 - p))[:, None]) + ridge * np.eye(len(weights)))

    start, gtol = np.zeros(design.shape[1]), PRECISION * len(targets)
    weights = minimize(loss, start, jac=gradient, hess=curvature, method="trust-exact", options={"gtol": gtol}).x
    return LogisticFit(weights, curvature(weights))
