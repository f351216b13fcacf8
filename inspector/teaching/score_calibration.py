"""From a method's scores to log-odds of NG, with OK and NG parts weighted equally (Platt 1999). Pure numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Array = NDArray[Any]
RIDGE: Final = 0.1  # on the slope of standardised scores: it stays finite where the kinds are apart
MIN_SPREAD: Final = 1e-6


class ScoreCalibration(NamedTuple):
    """log-odds of NG = slope * score + intercept. At 0 a part is as likely NG as OK."""

    slope: float
    intercept: float

    def log_odds(self, scores: Array) -> Array:
        return np.asarray(self.slope * scores + self.intercept)


def mean_of_known(log_odds: Array | Sequence[Array]) -> Array:
    """Return the mean over the methods that score a part. A part that none scores is doubtful without limit."""
    stacked = np.asarray(log_odds, float)
    known = np.isfinite(stacked)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.inf)


def calibrate(scores: Array, is_ng: Array) -> ScoreCalibration:
    """Fit on OK and NG parts. A score that ranks them the wrong way round gets no weight."""
    centre, spread = float(scores.mean()), max(float(scores.std()), MIN_SPREAD)
    ng = int(is_ng.sum())
    targets = np.where(is_ng, (ng + 1.0) / (ng + 2.0), 1.0 / (len(is_ng) - ng + 2.0))
    counts = np.where(is_ng, 0.5 / ng, 0.5 / (len(is_ng) - ng)) * len(is_ng)
    standard = (scores - centre) / spread

    def loss(weights: Array) -> tuple[float, Array]:
        log_odds = weights[0] * standard + weights[1]
        error = counts * (expit(log_odds) - targets)
        value = counts @ (np.logaddexp(0.0, log_odds) - targets * log_odds) + 0.5 * RIDGE * weights[0] ** 2
        return float(value), np.array([error @ standard + RIDGE * weights[0], error.sum()])

    slope, intercept = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)]).x
    return ScoreCalibration(float(slope / spread), float(intercept - slope * centre / spread))
