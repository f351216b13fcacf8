"""Weigh votes by certainty: the temperature for a part is learned from its line's parts in the other folds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from inspector.domain.vote import Tally
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.strategies import StrategyOutcome
from inspector.lab.evaluation.strategy_figures import FOLDS, PartLabels

TEMPERATURES: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # log-odds; the higher, the more equal the weights
MIN_PROBABILITY: Final = 0.01  # of the truth: one part that is wrong and sure does not decide alone


def with_learned_temperatures(
    parts: Sequence[RecordedPart], outcomes: Sequence[StrategyOutcome], labels: PartLabels
) -> list[StrategyOutcome]:
    """The same outcomes, counted at the temperature that fits the other folds best (CISC, Taubenfeld 2025)."""
    lines, warmed = np.array([part.pipeline.line for part in parts]), list(outcomes)
    for line in np.unique(lines):
        for fold in range(FOLDS):
            others = np.flatnonzero((lines == line) & (labels.fold != fold)).tolist()
            fitted = _fitted([(outcomes[k].tally, parts[k].is_ng) for k in others])
            for k in np.flatnonzero((lines == line) & (labels.fold == fold)).tolist():
                warmed[k] = outcomes[k]._replace(tally=_at(outcomes[k].tally, fitted))
    return warmed


def _fitted(known: Sequence[tuple[Tally, bool]]) -> float:
    """Return the temperature with the least log loss; of equal ones the highest, which trusts certainty least."""
    losses = {temperature: math.fsum(_losses(known, temperature)) for temperature in reversed(TEMPERATURES)}
    return min(losses, key=lambda temperature: losses[temperature])


def _losses(known: Sequence[tuple[Tally, bool]], temperature: float) -> Iterator[float]:
    for tally, is_ng in known:
        score = _at(tally, temperature).score
        p_truth = 0.5 if score is None else score if is_ng else 1.0 - score
        yield -math.log(max(p_truth, MIN_PROBABILITY))


def _at(tally: Tally, temperature: float) -> Tally:
    return replace(tally, counting=replace(tally.counting, temperature=temperature))
