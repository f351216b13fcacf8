"""Figures of one strategy's outcomes on labelled parts. Pure numbers.

A part is called NG above a threshold that was calibrated on the parts of the other folds. Dispositions follow the
pipeline's own two thresholds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inspector.domain.decision import decide
from inspector.domain.declared import Disposition
from inspector.domain.log_odds import logit
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.strategies import StrategyOutcome
from inspector.numerics.classification_metrics import auroc, balanced_accuracy, calibration_error

Array = NDArray[Any]
FOLDS: Final = 5
HARD_SHARE: Final = 0.3  # of the NG parts: those with the least visible defects
UNREADABLE_SCORE: Final = 0.5  # score of a part without a readable answer


@dataclass(frozen=True, slots=True)
class PartLabels:
    """The labels of the parts, one array item per part. `hard`: OK parts, and NG parts whose defect is hard to see; all
    False if no part's visibility is known."""

    ng: Array
    hard: Array
    fold: Array

    @property
    def knows_hard_parts(self) -> bool:
        return bool((self.hard & self.ng).any())


@dataclass(frozen=True, slots=True)
class StrategyScores:
    """One strategy's outcomes, one array item per part. `called`: NG above the calibrated `threshold`. `margin`: the
    distance of the score from it, in log-odds."""

    score: Array
    readable: Array
    threshold: Array
    called: Array
    margin: Array
    disposition: Array
    votes: Array
    tokens: Array
    ms: Array
    rungs: Array


@dataclass(frozen=True, slots=True)
class StrategyFigures:
    """Shares in 0..1. With the pipeline's thresholds: `escape` of the NG parts that passed, `overkill` of the OK parts
    that were rejected, `review` of all. `aurc`: mean error over all coverages, surest parts first. `tokens`: written by
    the model. `first_rung_share`: of the parts that were asked about once only."""

    balanced_accuracy: float
    balanced_accuracy_hard: float | None
    balanced_accuracy_half: float
    auroc: float
    recall: float
    precision: float
    f1: float
    aurc: float
    ece: float
    escape: float
    overkill: float
    review: float
    unreadable: float
    votes_mean: float
    tokens_mean: float
    ms_mean: float
    first_rung_share: float


def part_labels(parts: Sequence[RecordedPart]) -> PartLabels:
    ng = np.array([part.is_ng for part in parts])
    visibility = np.array([np.nan if part.visibility is None else part.visibility for part in parts])
    known = visibility[ng & ~np.isnan(visibility)]
    is_visible = visibility > (np.quantile(known, HARD_SHARE) if known.size else -np.inf)
    hard = ~ng | ~(is_visible | np.isnan(visibility)) if known.size else np.zeros(len(ng), bool)
    return PartLabels(ng, hard, _folds(parts))


def _folds(parts: Sequence[RecordedPart]) -> Array:
    """Deal the parts of every line and label in turn, so that all folds are alike."""
    count: dict[tuple[str, bool], int] = defaultdict(int)
    folds = []
    for part in parts:
        folds.append(count[part.pipeline.line, part.is_ng] % FOLDS)
        count[part.pipeline.line, part.is_ng] += 1
    return np.array(folds)


def strategy_scores(
    parts: Sequence[RecordedPart], outcomes: Sequence[StrategyOutcome], labels: PartLabels
) -> StrategyScores:
    readable = [outcome.tally.score for outcome in outcomes]
    score = np.array([UNREADABLE_SCORE if each is None else each for each in readable])
    threshold = thresholds(score, labels)
    decisions = (
        decide(part.pipeline, outcome.tally, outcome.stopped_by) for part, outcome in zip(parts, outcomes, strict=True)
    )
    distances = [logit(each) - logit(edge) for each, edge in zip(score, threshold, strict=True)]
    return StrategyScores(
        score=score,
        readable=np.array([each is not None for each in readable]),
        threshold=threshold,
        called=score > threshold,
        margin=np.abs(distances),
        disposition=np.array([decision.disposition for decision in decisions]),
        votes=np.array([outcome.cost.votes for outcome in outcomes]),
        tokens=np.array([outcome.cost.tokens for outcome in outcomes]),
        ms=np.array([outcome.cost.ms for outcome in outcomes]),
        rungs=np.array([outcome.rungs for outcome in outcomes]),
    )


def thresholds(score: Array, labels: PartLabels) -> Array:
    """For every part, the best threshold on the parts of the other folds; 0.5 if those are all OK or all NG."""
    per_part = np.full(len(score), UNREADABLE_SCORE)
    for fold in range(FOLDS):
        others = labels.fold != fold
        if 0 < labels.ng[others].sum() < others.sum():
            per_part[~others] = best_threshold(score[others], labels.ng[others])
    return per_part


def best_threshold(score: Array, ng: Array) -> float:
    """The threshold of highest balanced accuracy; the middle one of several."""
    values = np.unique(score)
    edges = np.concatenate(([values[0] - 1.0], (values[1:] + values[:-1]) / 2, [values[-1]]))  # all NG … all OK
    low_ok, low_ng = (np.searchsorted(np.sort(score[kind]), edges, "right") / kind.sum() for kind in (~ng, ng))
    best = edges[np.isclose(low_ok - low_ng, (low_ok - low_ng).max())]
    return float(best[len(best) // 2])


def strategy_figures(scores: StrategyScores, labels: PartLabels) -> StrategyFigures:
    ng, hard, right = labels.ng, labels.hard, scores.called == labels.ng
    recall, called = float(scores.called[ng].mean()), int(scores.called.sum())
    precision = float(ng[scores.called].mean()) if called else 0.0
    return StrategyFigures(
        balanced_accuracy=balanced_accuracy(right, ng),
        balanced_accuracy_hard=balanced_accuracy(right[hard], ng[hard]) if labels.knows_hard_parts else None,
        balanced_accuracy_half=balanced_accuracy((scores.score > UNREADABLE_SCORE) == ng, ng),
        auroc=auroc(scores.score, ng),
        recall=recall,
        precision=precision,
        f1=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        aurc=float(risk_coverage(scores, labels).mean()),
        ece=calibration_error(scores.score, ng),
        escape=_share(scores, ng, Disposition.PASS),
        overkill=_share(scores, ~ng, Disposition.REJECT),
        review=_share(scores, ng | ~ng, Disposition.REVIEW),
        unreadable=float(1.0 - scores.readable.mean()),
        votes_mean=float(scores.votes.mean()),
        tokens_mean=float(scores.tokens.mean()),
        ms_mean=float(scores.ms.mean()),
        first_rung_share=float((scores.rungs == 1).mean()),
    )


def risk_coverage(scores: StrategyScores, labels: PartLabels) -> Array:
    """Share of errors among the k surest parts, for k = 1, 2, …; equally sure parts share their errors."""
    wrong = (scores.called != labels.ng).astype(float)
    _, group = np.unique(-scores.margin, return_inverse=True)
    group_error = np.bincount(group, wrong) / np.bincount(group)
    return np.asarray(np.cumsum(group_error[np.sort(group)]) / np.arange(1, len(wrong) + 1))


def _share(scores: StrategyScores, among: Array, disposition: Disposition) -> float:
    return float((scores.disposition[among] == disposition).mean())
