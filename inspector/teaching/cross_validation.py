"""Which methods a line is taught with: scores on held-back groups, and the best logistic mean. Pure numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.numerics.classification_metrics import auroc
from inspector.teaching.group_folds import group_folds
from inspector.teaching.methods import MethodName, learn_method
from inspector.teaching.part_features import TaughtPart
from inspector.teaching.score_calibration import ScoreCalibration, calibrate, mean_of_known

Array = NDArray[Any]
NEAR_BEST: Final = 0.15  # AUROC below the best method's, up to which a method joins the mean
HeldBackScores = Mapping[MethodName, Array]


class ChosenMembers(NamedTuple):
    """The chosen methods, the calibration of each, and the parts' mean log-odds when held back."""

    names: tuple[MethodName, ...]
    calibrations: tuple[ScoreCalibration, ...]
    log_odds: Array
    auroc: float


def held_back_scores(
    parts: Sequence[TaughtPart], names: Sequence[MethodName], report: Callable[[int, int], None] = lambda *_: None
) -> HeldBackScores:
    """Score every part by methods that were learned without its group. Methods that can't be learned are left out."""
    folds = np.array(group_folds([part.group for part in parts], [part.is_ng for part in parts]))
    scores, steps = {}, len(names) * (int(folds.max()) + 1)
    for number, name in enumerate(names):
        try:
            scores[name] = _scores_by_fold(parts, name, folds)
        except ValueError:
            continue
        report((number + 1) * steps // len(names), steps)
    return scores


def choose_members(scores: HeldBackScores, is_ng: Array) -> ChosenMembers:
    """Choose the method that ranks best and all that rank nearly as well.

    Choosing the best subset instead ranks worse on parts that nobody saw: differences among so few parts are mostly
    chance.
    """
    ranking = {name: ranked(values, is_ng) for name, values in scores.items()}
    best = max(ranking.values())
    names = tuple(
        sorted((name for name in scores if ranking[name] >= best - NEAR_BEST), key=lambda name: -ranking[name])
    )
    calibrations = tuple(_calibrated(scores[name], is_ng) for name in names)
    mean = mean_of_known([each.log_odds(scores[name]) for name, each in zip(names, calibrations, strict=True)])
    return ChosenMembers(names, calibrations, mean, ranked(mean, is_ng))


def ranked(scores: Array, is_ng: Array) -> float:
    """Return the AUROC over the parts that have a score."""
    known = np.isfinite(scores)
    return auroc(scores[known], is_ng[known])


def _calibrated(scores: Array, is_ng: Array) -> ScoreCalibration:
    known = np.isfinite(scores)
    return calibrate(scores[known], is_ng[known])


def _scores_by_fold(parts: Sequence[TaughtPart], name: MethodName, folds: Array) -> Array:
    scores = np.zeros(len(parts))
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        taught = [part for part, out in zip(parts, held, strict=True) if not out]
        if len({part.is_ng for part in taught}) < 2:
            raise ValueError("a fold leaves one kind of parts only")
        method = learn_method(name, taught).method
        scores[held] = [method.scores(part.features).score for part, out in zip(parts, held, strict=True) if out]
    return scores
