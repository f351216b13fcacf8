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
from inspector.teaching.score_calibration import ScoreCalibration, calibrate

Array = NDArray[Any]
MAX_MEMBERS: Final = 4  # of a logistic mean
MIN_GAIN: Final = 0.002  # AUROC that a further member must add
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
    """Start with the method that ranks best and add the one that improves the mean's ranking most, while one does."""
    calibrations = {name: calibrate(values, is_ng) for name, values in scores.items()}
    log_odds = {name: each.log_odds(scores[name]) for name, each in calibrations.items()}
    chosen: list[MethodName] = []
    best = 0.0
    while len(chosen) < min(MAX_MEMBERS, len(scores)):
        ranked = {
            name: auroc(np.mean([log_odds[each] for each in (*chosen, name)], axis=0), is_ng)
            for name in scores
            if name not in chosen
        }
        name = max(ranked, key=lambda each: ranked[each])
        if chosen and ranked[name] < best + MIN_GAIN:
            break
        chosen, best = [*chosen, name], ranked[name]
    mean = np.mean([log_odds[name] for name in chosen], axis=0)
    return ChosenMembers(tuple(chosen), tuple(calibrations[name] for name in chosen), mean, best)


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
