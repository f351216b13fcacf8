"""StrategyFigures of one strategy's outcomes on labelled parts. Pure numbers.

A part is called NG above a threshold that was calibrated on other parts: those of the other folds. Dispositions are
those of the pipeline's own two thresholds.
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
from inspector.lab.training.scores import auroc

Array = NDArray[Any]
FOLDS: Final = 5
BINS: Final = 10
HARD_SHARE: Final = 0.3  # of the NG parts, those with the least plain defects
UNREADABLE_SCORE: Final = 0.5  # the score of a part without a readable answer


@dataclass(frozen=True, slots=True)
class PartLabels:
    """What is known about the parts. `hard`: good ones, and NG ones whose defect is not plain; nobody where no part's
    visibility is known."""

    ng: Array
    hard: Array
    fold: Array


@dataclass(frozen=True, slots=True)
class StrategyScores:
    """One strategy's outcomes, an array item a part. `called` NG above the calibrated `threshold`; `margin`: how far
    the score is from it, in log-odds."""

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
    """Shares in 0..1. Of the pipeline's thresholds: `escape` of the NG parts that passed, `overkill` of the OK parts
    that were rejected, `review` of all. `aurc`: mean error over all coverages, the surest parts first. `tokens` are
    those the model wrote; `first_rung_share` of the parts were asked about once only."""

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


def part_labels(cases: Sequence[RecordedPart]) -> PartLabels:
    ng = np.array([case.is_ng for case in cases])
    visibility = np.array([np.nan if case.visibility is None else case.visibility for case in cases])
    known = visibility[ng & ~np.isnan(visibility)]
    plain = visibility > (np.quantile(known, HARD_SHARE) if known.size else -np.inf)
    hard = ~ng | ~(plain | np.isnan(visibility)) if known.size else np.zeros(len(ng), bool)
    return PartLabels(ng, hard, _folds(cases))


def _folds(cases: Sequence[RecordedPart]) -> Array:
    """The parts of every line and label in turn, so that all folds are alike."""
    count: dict[tuple[str, bool], int] = defaultdict(int)
    folds = []
    for case in cases:
        folds.append(count[case.pipeline.line, case.is_ng] % FOLDS)
        count[case.pipeline.line, case.is_ng] += 1
    return np.array(folds)


def strategy_scores(
    cases: Sequence[RecordedPart], outcomes: Sequence[StrategyOutcome], truth: PartLabels
) -> StrategyScores:
    found = [outcome.tally.score for outcome in outcomes]
    score = np.array([UNREADABLE_SCORE if each is None else each for each in found])
    threshold = thresholds(score, truth)
    decisions = (
        decide(case.pipeline, outcome.tally, outcome.stopped_by) for case, outcome in zip(cases, outcomes, strict=True)
    )
    odds = [logit(each) - logit(edge) for each, edge in zip(score, threshold, strict=True)]
    return StrategyScores(
        score=score,
        readable=np.array([each is not None for each in found]),
        threshold=threshold,
        called=score > threshold,
        margin=np.abs(odds),
        disposition=np.array([decision.disposition for decision in decisions]),
        votes=np.array([outcome.cost.votes for outcome in outcomes]),
        tokens=np.array([outcome.cost.tokens for outcome in outcomes]),
        ms=np.array([outcome.cost.ms for outcome in outcomes]),
        rungs=np.array([outcome.rungs for outcome in outcomes]),
    )


def thresholds(score: Array, truth: PartLabels) -> Array:
    """For every part the threshold that is best on the parts of the other folds; a half where those are of one kind."""
    found = np.full(len(score), UNREADABLE_SCORE)
    for fold in range(FOLDS):
        others = truth.fold != fold
        if 0 < truth.ng[others].sum() < others.sum():
            found[~others] = best_threshold(score[others], truth.ng[others])
    return found


def best_threshold(score: Array, ng: Array) -> float:
    """The one of highest balanced accuracy; the middle one where several are."""
    values = np.unique(score)
    edges = np.concatenate(([values[0] - 1.0], (values[1:] + values[:-1]) / 2, [values[-1]]))  # all NG … all OK
    low_ok, low_ng = (np.searchsorted(np.sort(score[kind]), edges, "right") / kind.sum() for kind in (~ng, ng))
    best = edges[np.isclose(low_ok - low_ng, (low_ok - low_ng).max())]
    return float(best[len(best) // 2])


def strategy_figures(told: StrategyScores, truth: PartLabels) -> StrategyFigures:
    ng, right = truth.ng, told.called == truth.ng
    recall, found = float(told.called[ng].mean()), int(told.called.sum())
    precision = float(ng[told.called].mean()) if found else 0.0
    hard = truth.hard & ng
    return StrategyFigures(
        balanced_accuracy=balanced(right, ng),
        balanced_accuracy_hard=balanced(right[truth.hard], ng[truth.hard]) if hard.any() else None,
        balanced_accuracy_half=balanced((told.score > UNREADABLE_SCORE) == ng, ng),
        auroc=auroc(told.score, ng),
        recall=recall,
        precision=precision,
        f1=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        aurc=float(risk_coverage(told, truth).mean()),
        ece=sum(abs(each.said - each.true) * each.share for each in reliability(told, truth)),
        escape=_share(told, ng, Disposition.PASS),
        overkill=_share(told, ~ng, Disposition.REJECT),
        review=_share(told, ng | ~ng, Disposition.REVIEW),
        unreadable=float(1.0 - told.readable.mean()),
        votes_mean=float(told.votes.mean()),
        tokens_mean=float(told.tokens.mean()),
        ms_mean=float(told.ms.mean()),
        first_rung_share=float((told.rungs == 1).mean()),
    )


def balanced(right: Array, ng: Array) -> float:
    """Mean of the shares of NG and OK parts called right."""
    return float((right[ng].mean() + right[~ng].mean()) / 2)


def risk_coverage(told: StrategyScores, truth: PartLabels) -> Array:
    """Share of errors among the k surest parts, for k = 1, 2, …; equally sure parts share their errors."""
    wrong = (told.called != truth.ng).astype(float)
    _, group = np.unique(-told.margin, return_inverse=True)
    evened = np.bincount(group, wrong) / np.bincount(group)
    return np.asarray(np.cumsum(evened[np.sort(group)]) / np.arange(1, len(wrong) + 1))


@dataclass(frozen=True, slots=True)
class Bin:
    """Parts of about the same score: their mean score, how many of them are NG, their share of all parts."""

    said: float
    true: float
    share: float


def reliability(told: StrategyScores, truth: PartLabels) -> list[Bin]:
    places = np.minimum((told.score * BINS).astype(int), BINS - 1)
    members = [places == place for place in np.unique(places)]
    return [Bin(float(told.score[m].mean()), float(truth.ng[m].mean()), float(m.mean())) for m in members]


def _share(told: StrategyScores, among: Array, disposition: Disposition) -> float:
    return float((told.disposition[among] == disposition).mean())
