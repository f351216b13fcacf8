"""How sure a difference between two strategies is: both are drawn again on the same parts, many times. Pure numbers.

Paired bootstrap (Efron 1979), parts of one kind (NG or OK, hard or not) drawn among each other, so that their numbers
stay; percentile intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.lab.evaluation.strategy_figures import PartLabels, StrategyScores

Array = NDArray[Any]
RESAMPLES: Final = 2000
INTERVAL_PERCENTILES: Final = (2.5, 97.5)
COSTS: Final = ("votes", "tokens", "ms")
RESAMPLES_PER_CHUNK: Final = 250  # drawings at once, so that memory stays small with many parts


class ConfidenceInterval(NamedTuple):
    """A difference as measured, and where it lies in 95 of 100 drawings."""

    value: float
    low: float
    high: float


Figure = Callable[[Array, StrategyScores, PartLabels], Array]  # weights [times, parts] → the figure in every drawing


class PairedBootstrap:
    """The same parts, drawn again and again."""

    def __init__(self, truth: PartLabels, seed: int = 0) -> None:
        self._truth = truth
        self._plain = np.ones((1, len(truth.ng)), np.float32)
        self._drawn = _draw(truth, seed)

    def differences(self, one: StrategyScores, other: StrategyScores) -> dict[str, ConfidenceInterval]:
        """`one` minus `other`, in every figure; of hard parts only where some are known."""
        known = (self._truth.hard & self._truth.ng).any()
        wanted = {name: figure for name, figure in FIGURES.items() if name != HARD or known}
        return {name: self._difference(figure, one, other) for name, figure in wanted.items()}

    def ratios(self, one: StrategyScores, other: StrategyScores) -> dict[str, ConfidenceInterval]:
        """`one` over `other`, in what they cost; left out where `other` costs nothing."""
        pairs = {name: (getattr(one, name), getattr(other, name)) for name in COSTS}
        return {
            name: _interval(float(mine.mean() / theirs.mean()), (self._drawn @ mine) / (self._drawn @ theirs))
            for name, (mine, theirs) in pairs.items()
            if theirs.min() > 0.0
        }

    def _difference(self, figure: Figure, one: StrategyScores, other: StrategyScores) -> ConfidenceInterval:
        value, drawn = (
            figure(weights, one, self._truth) - figure(weights, other, self._truth)
            for weights in (self._plain, self._drawn)
        )
        return _interval(float(value[0]), drawn)


def _draw(truth: PartLabels, seed: int) -> Array:
    """How often every part is drawn, [times, parts]."""
    rng, weights = np.random.default_rng(seed), np.zeros((RESAMPLES, len(truth.ng)), np.float32)
    kinds = 2 * truth.ng + truth.hard
    for kind in np.unique(kinds):
        count = int((kinds == kind).sum())
        weights[:, kinds == kind] = rng.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES)
    return weights


def _interval(value: float, drawn: Array) -> ConfidenceInterval:
    low, high = np.percentile(drawn, INTERVAL_PERCENTILES)
    return ConfidenceInterval(value, float(low), float(high))


def _balanced(weights: Array, told: StrategyScores, truth: PartLabels) -> Array:
    return _balanced_among(weights, told, truth, np.ones(len(truth.ng), bool))


def _balanced_hard(weights: Array, told: StrategyScores, truth: PartLabels) -> Array:
    return _balanced_among(weights, told, truth, truth.hard)


def _balanced_among(weights: Array, told: StrategyScores, truth: PartLabels, among: Array) -> Array:
    right = (told.called == truth.ng).astype(np.float32)
    shares = [
        weights[:, kind] @ right[kind] / weights[:, kind].sum(1) for kind in (among & truth.ng, among & ~truth.ng)
    ]
    return np.asarray(sum(shares) / 2)


def _auroc(weights: Array, told: StrategyScores, truth: PartLabels) -> Array:
    chunks = np.array_split(weights, -(-len(weights) // RESAMPLES_PER_CHUNK))
    return np.concatenate([_auroc_of(chunk, told, truth) for chunk in chunks])


def _auroc_of(weights: Array, told: StrategyScores, truth: PartLabels) -> Array:
    """Ties count half: the parts of one score are added up first."""
    values, group = np.unique(told.score, return_inverse=True)
    sums = np.zeros((2, len(weights), len(values)))
    for kind, mask in enumerate((~truth.ng, truth.ng)):
        order = np.argsort(group[mask], kind="stable")
        present, starts = np.unique(group[mask][order], return_index=True)
        sums[kind][:, present] = np.add.reduceat(weights[:, mask][:, order].astype(float), starts, axis=1)
    ok, ng = sums
    below = np.cumsum(ok, axis=1) - ok / 2
    return np.asarray((ng * below).sum(1) / (ok.sum(1) * ng.sum(1)))


def _mean_of(name: str) -> Figure:
    def mean(weights: Array, told: StrategyScores, truth: PartLabels) -> Array:  # noqa: ARG001
        return np.asarray(weights @ getattr(told, name) / weights.sum(1))

    return mean


HARD: Final = "balanced_accuracy_hard"
FIGURES: Final[dict[str, Figure]] = {
    "balanced_accuracy": _balanced,
    HARD: _balanced_hard,
    "auroc": _auroc,
    **{f"{name}_mean": _mean_of(name) for name in COSTS},
}
