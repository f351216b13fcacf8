"""The best of the compared strategies for each difficulty (compute-optimal scaling, Snell 2024, 2408.03314). Pure.

The direct verdict's certainty says how difficult a part is. For each third of difficulty, the strategy is chosen that
was best on the line's parts in the other folds, so that no part chooses for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inspector.domain.prompts import Pictures
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.recording_replay import AskingCost
from inspector.lab.evaluation.strategies import COMPUTE_OPTIMAL, StrategyOutcome
from inspector.lab.evaluation.strategy_figures import FOLDS, UNREADABLE_SCORE, PartLabels
from inspector.numerics.classification_metrics import balanced_accuracy

Array = NDArray[Any]
BINS: Final = 3  # of difficulty
FIRST: Final = "direct"  # whose certainty says how difficult a part is


def compute_optimal(
    parts: Sequence[RecordedPart], outcomes: Mapping[str, Sequence[StrategyOutcome]], labels: PartLabels
) -> list[StrategyOutcome]:
    """The outcome of the chosen strategy for each part, with the cost of the direct verdict. `outcomes` hold FIRST."""
    names = [name for name in outcomes if name != COMPUTE_OPTIMAL]
    scores = {name: _scores(outcomes[name]) for name in names}
    ms = {name: float(np.mean([outcome.cost.ms for outcome in outcomes[name]])) for name in names}
    certainty = np.abs(scores[FIRST] - UNREADABLE_SCORE)
    lines, chosen = np.array([part.pipeline.line for part in parts]), [FIRST] * len(parts)
    for line in np.unique(lines):
        for fold in range(FOLDS):
            mine, others = ((lines == line) & same for same in (labels.fold == fold, labels.fold != fold))
            for member, alike in _alike(certainty, mine, others):
                accuracy = {name: _accuracy(scores[name][alike], labels.ng[alike]) for name in names}
                best = min(names, key=lambda name: (-accuracy[name], ms[name]))
                for k in np.flatnonzero(member).tolist():
                    chosen[k] = best
    return [_chosen(part, outcomes[FIRST][k], outcomes[chosen[k]][k], chosen[k]) for k, part in enumerate(parts)]


def _alike(certainty: Array, mine: Array, others: Array) -> Iterator[tuple[Array, Array]]:
    """For each third of difficulty of the other parts: my parts in it, and the others."""
    if others.any():
        edges = np.quantile(certainty[others], np.arange(1, BINS) / BINS)
        bins = np.searchsorted(edges, certainty)
        yield from ((mine & (bins == number), others & (bins == number)) for number in range(BINS))


def _scores(outcomes: Sequence[StrategyOutcome]) -> Array:
    scores = (outcome.tally.score for outcome in outcomes)
    return np.array([UNREADABLE_SCORE if score is None else score for score in scores])


def _accuracy(scores: Array, ng: Array) -> float:
    """Balanced accuracy at one half; plain accuracy where all parts are of one kind, 0 without any."""
    right = (scores > UNREADABLE_SCORE) == ng
    if not len(ng):
        return 0.0
    return balanced_accuracy(right, ng) if 0 < ng.sum() < len(ng) else float(right.mean())


def _chosen(part: RecordedPart, first: StrategyOutcome, outcome: StrategyOutcome, name: str) -> StrategyOutcome:
    """The outcome with the cost of the direct verdict before it; the frame is encoded once."""
    if name == FIRST:
        return first
    encoding = sum(each.ms for each in part.recording.encodings if each.pictures is Pictures.FRAME)
    mine, before = outcome.cost, first.cost
    spent = AskingCost(mine.votes + before.votes, mine.tokens + before.tokens, mine.ms + before.ms - encoding)
    return outcome._replace(cost=spent, rungs=outcome.rungs + 1)
