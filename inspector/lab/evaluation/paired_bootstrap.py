"""Confidence intervals of the difference between two strategies on the same parts. Pure numbers.

Paired bootstrap (Efron 1979) with percentile intervals. Parts are drawn within their kind (NG or OK, hard or not), so
that the number of each kind stays the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.lab.evaluation.strategy_figures import PartLabels, StrategyScores
from inspector.numerics.classification_metrics import weighted_auroc, weighted_balanced_accuracy

Array = NDArray[Any]
RESAMPLES: Final = 2000
INTERVAL_PERCENTILES: Final = (2.5, 97.5)
COSTS: Final = ("votes", "tokens", "ms")


class ConfidenceInterval(NamedTuple):
    """A measured difference with its 95 % interval."""

    value: float
    low: float
    high: float


class FigureIntervals(NamedTuple):
    """The figures of one strategy with their intervals."""

    balanced_accuracy: ConfidenceInterval
    auroc: ConfidenceInterval


WeightedFigure = Callable[[Array, StrategyScores, PartLabels], Array]  # weights [draws, parts] → one figure per draw


class PairedBootstrap:
    """The same parts, drawn again many times."""

    def __init__(self, labels: PartLabels, seed: int = 0) -> None:
        self._labels = labels
        self._once = np.ones((1, len(labels.ng)), np.float32)
        self._drawn = _draw(labels, seed)

    def differences(self, one: StrategyScores, other: StrategyScores) -> dict[str, ConfidenceInterval]:
        """`one` minus `other` in every figure; the figure of hard parts only if some are known."""
        wanted = {name: figure for name, figure in FIGURES.items() if name != HARD or self._labels.knows_hard_parts}
        return {name: self._difference(figure, one, other) for name, figure in wanted.items()}

    def ratios(self, one: StrategyScores, other: StrategyScores) -> dict[str, ConfidenceInterval]:
        """`one` over `other` in every cost; left out where `other` costs nothing."""
        pairs = {name: (getattr(one, name), getattr(other, name)) for name in COSTS}
        return {
            name: _interval(float(mine.mean() / theirs.mean()), (self._drawn @ mine) / (self._drawn @ theirs))
            for name, (mine, theirs) in pairs.items()
            if theirs.min() > 0.0
        }

    def intervals(self, scores: StrategyScores) -> FigureIntervals:
        """One strategy's own figures; its thresholds stay as they were chosen."""
        return FigureIntervals(*(self._own(FIGURES[name], scores) for name in FigureIntervals._fields))

    def _own(self, figure: WeightedFigure, scores: StrategyScores) -> ConfidenceInterval:
        value, drawn = (figure(weights, scores, self._labels) for weights in (self._once, self._drawn))
        return _interval(float(value[0]), drawn)

    def _difference(self, figure: WeightedFigure, one: StrategyScores, other: StrategyScores) -> ConfidenceInterval:
        value, drawn = (
            figure(weights, one, self._labels) - figure(weights, other, self._labels)
            for weights in (self._once, self._drawn)
        )
        return _interval(float(value[0]), drawn)


def _draw(labels: PartLabels, seed: int) -> Array:
    """How often every part is drawn, [draws, parts]."""
    rng, weights = np.random.default_rng(seed), np.zeros((RESAMPLES, len(labels.ng)), np.float32)
    kinds = 2 * labels.ng + labels.hard
    for kind in np.unique(kinds):
        count = int((kinds == kind).sum())
        weights[:, kinds == kind] = rng.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES)
    return weights


def _interval(value: float, drawn: Array) -> ConfidenceInterval:
    low, high = np.percentile(drawn, INTERVAL_PERCENTILES)
    return ConfidenceInterval(value, float(low), float(high))


def _balanced_accuracy(weights: Array, scores: StrategyScores, labels: PartLabels) -> Array:
    return weighted_balanced_accuracy(weights, scores.called == labels.ng, labels.ng)


def _balanced_accuracy_hard(weights: Array, scores: StrategyScores, labels: PartLabels) -> Array:
    hard, right = labels.hard, scores.called == labels.ng
    return weighted_balanced_accuracy(weights[:, hard], right[hard], labels.ng[hard])


def _auroc(weights: Array, scores: StrategyScores, labels: PartLabels) -> Array:
    return weighted_auroc(weights, scores.score, labels.ng)


def _mean_of(name: str) -> WeightedFigure:
    def mean(weights: Array, scores: StrategyScores, labels: PartLabels) -> Array:  # noqa: ARG001
        return np.asarray(weights @ getattr(scores, name) / weights.sum(1))

    return mean


HARD: Final = "balanced_accuracy_hard"
FIGURES: Final[dict[str, WeightedFigure]] = {
    "balanced_accuracy": _balanced_accuracy,
    HARD: _balanced_accuracy_hard,
    "auroc": _auroc,
    **{f"{name}_mean": _mean_of(name) for name in COSTS},
}
