"""Figures of taught models on labelled parts that they never saw, by the number of NG parts they were taught with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.numerics.classification_metrics import weighted_auroc, weighted_balanced_accuracy
from inspector.numerics.exact_bounds import MeasuredShare, measured_share
from inspector.teaching.teacher import TeachingReport

Array = NDArray[Any]
RESAMPLES: Final = 2000
INTERVAL_PERCENTILES: Final = (2.5, 97.5)
DIGITS: Final = 4  # of numbers in JSON, after the point


class UsedParts(NamedTuple):
    """How many parts of each kind a model was taught with, their groups, and the golden samples."""

    ng: int
    ok: int
    groups: int
    golden: int


class BootstrapFigure(NamedTuple):
    """A figure with its 95 % interval over redrawn groups."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TaughtFigures:
    """The figures of one taught model.

    `balanced_accuracy` is that of the score at the proposed limit. `escape`, `overkill` and `decided_share` are those
    of the pass and reject limits.
    """

    report: TeachingReport
    used: UsedParts
    auroc: BootstrapFigure
    balanced_accuracy: BootstrapFigure
    escape: MeasuredShare
    overkill: MeasuredShare
    decided_share: MeasuredShare
    ms_mean: float

    def as_json(self) -> dict[str, Any]:
        intervals = {
            "auroc": [self.auroc.low, self.auroc.high],
            "balanced_accuracy": [self.balanced_accuracy.low, self.balanced_accuracy.high],
            **{
                name: [share.low, share.high]
                for name, share in (
                    ("escape", self.escape),
                    ("overkill", self.overkill),
                    ("decided_share", self.decided_share),
                )
            },
        }
        document = {
            "auroc": self.auroc.value,
            "balanced_accuracy": self.balanced_accuracy.value,
            "escape": self.escape.value,
            "overkill": self.overkill.value,
            "decided_share": self.decided_share.value,
            "advice": str(self.report.advice),
            "used": self.used._asdict(),
            "intervals": intervals,
            "grouped": self.report.evidence.grouped,
            "members": [str(member.name) for member in self.report.model.members],
            "methods": self.report.methods,
            "missing": list(self.report.missing),
            "left_out": list(self.report.outliers),
            "ms_mean": self.ms_mean,
        }
        return {name: _rounded(value) for name, value in document.items()}


def taught_figures(
    report: TeachingReport, used: UsedParts, log_odds: Array, is_ng: Array, groups: Sequence[str], ms_mean: float
) -> TaughtFigures:
    """Work out the figures. Both kinds of parts are needed."""
    limits = report.model.limits
    passes, rejects = limits.passes(log_odds), limits.rejects(log_odds)
    weights = np.concatenate([np.ones((1, len(is_ng))), _redrawn(groups, is_ng)])
    return TaughtFigures(
        report,
        used,
        _interval(weighted_auroc(weights, log_odds, is_ng)),
        _interval(weighted_balanced_accuracy(weights, (log_odds > 0.0) == is_ng, is_ng)),
        measured_share(int(passes[is_ng].sum()), int(is_ng.sum())),
        measured_share(int(rejects[~is_ng].sum()), int((~is_ng).sum())),
        measured_share(int((passes | rejects).sum()), len(is_ng)),
        ms_mean,
    )


def taught_json(figures: Mapping[int, TaughtFigures]) -> dict[str, Any]:
    """Return the figures by the number of NG parts that was asked for."""
    return {str(count): each.as_json() for count, each in figures.items()}


def _redrawn(groups: Sequence[str], is_ng: Array) -> Array:
    """Draw groups with replacement; draws that hold one kind of parts only are left out."""
    names, group = np.unique(groups, return_inverse=True)
    counts = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=RESAMPLES)
    weights = counts[:, group].astype(float)
    return np.asarray(weights[(weights[:, is_ng].sum(axis=1) > 0.0) & (weights[:, ~is_ng].sum(axis=1) > 0.0)])


def _interval(figures: Array) -> BootstrapFigure:
    """The first figure is the measured one, the others are those of the draws."""
    drawn = figures[1:] if len(figures) > 1 else figures
    low, high = np.percentile(drawn, INTERVAL_PERCENTILES)
    return BootstrapFigure(float(figures[0]), float(low), float(high))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
