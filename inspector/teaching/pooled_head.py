"""Pooled head: ridge logistic regression on mean, maximum and deviation of a part's patches. Pure numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from inspector.teaching.part_features import patches_of

Array = NDArray[Any]
RIDGE: Final = 300.0  # on standardised columns: there are more columns than parts
MIN_DEVIATION: Final = 1e-3


class PooledHead(NamedTuple):
    """The weights of the standardised columns, and the intercept."""

    mean: Array
    deviation: Array
    weights: Array
    intercept: float

    def score(self, maps: Sequence[Array]) -> float:
        """Return the log-odds of NG, with NG and OK equally frequent."""
        return float((pooled(maps) - self.mean) / self.deviation @ self.weights + self.intercept)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays to store."""
        return {
            "mean": self.mean,
            "deviation": self.deviation,
            "weights": self.weights,
            "intercept": np.array([self.intercept]),
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, Array]) -> PooledHead:
        return cls(arrays["mean"], arrays["deviation"], arrays["weights"], float(arrays["intercept"][0]))


def pooled(maps: Sequence[Array]) -> Array:
    """Return mean, maximum and deviation of each channel over a picture's patches."""
    columns = [(flat.mean(axis=0), flat.max(axis=0), flat.std(axis=0)) for flat in map(patches_of, maps)]
    return np.concatenate([column for triple in columns for column in triple])


def learn_pooled_head(parts: Sequence[Sequence[Array]], is_ng: Array) -> PooledHead:
    """Fit on the maps of OK and NG parts, both kinds weighted equally."""
    columns = np.stack([pooled(maps) for maps in parts]).astype(np.float64)
    mean, deviation = columns.mean(axis=0), columns.std(axis=0) + MIN_DEVIATION
    weights = _fit((columns - mean) / deviation, is_ng.astype(float))
    return PooledHead(mean, deviation, weights[:-1], float(weights[-1]))


def _fit(columns: Array, targets: Array) -> Array:
    design = np.column_stack([columns, np.ones(len(columns))])
    counts = len(targets) * np.where(targets > 0.5, 0.5 / targets.sum(), 0.5 / (1.0 - targets).sum())
    ridge = np.append(np.full(columns.shape[1], RIDGE), 0.0)

    def loss(weights: Array) -> tuple[float, Array]:
        log_odds = design @ weights
        value = counts @ (np.logaddexp(0.0, log_odds) - targets * log_odds) + 0.5 * ridge @ weights**2
        return float(value), design.T @ (counts * (expit(log_odds) - targets)) + ridge * weights

    return np.asarray(minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x)
