"""Fuse votes and second opinion: the weights for a part are learned from its line's parts in the other folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inspector.domain.learned import Fusion
from inspector.domain.vote import LabelledVotes, Opinion
from inspector.errors import InspectorError
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.recording_replay import recorded_opinion
from inspector.lab.evaluation.strategies import StrategyOutcome
from inspector.lab.evaluation.strategy_figures import FOLDS, PartLabels
from inspector.tuning.fusion import learn


def with_fused_scores(
    parts: Sequence[RecordedPart], outcomes: Sequence[StrategyOutcome], labels: PartLabels
) -> list[StrategyOutcome]:
    """The same outcomes with the second opinion in their scores and its time in their cost.

    Raises InspectorError if a line has too few parts to learn weights from.
    """
    lines = np.array([part.pipeline.line for part in parts])
    recorded = [recorded_opinion(part.recording) for part in parts]
    opinions = [Opinion(each.p_ng, each.ms) for each in recorded]
    votes = [
        LabelledVotes(outcome.tally.votes, part.is_ng, opinion)
        for part, outcome, opinion in zip(parts, outcomes, opinions, strict=True)
    ]
    fused: dict[int, StrategyOutcome] = {}
    for line in np.unique(lines):
        for fold in range(FOLDS):
            members = np.flatnonzero((lines == line) & (labels.fold == fold)).tolist()
            others = np.flatnonzero((lines == line) & (labels.fold != fold)).tolist()
            if members:
                weights = _learned(str(line), [votes[k] for k in others], outcomes[members[0]])
                fused |= {k: _with_opinion(outcomes[k], opinions[k], weights) for k in members}
    return [fused[k] for k in range(len(parts))]


def _learned(line: str, votes: Sequence[LabelledVotes], outcome: StrategyOutcome) -> Fusion:
    try:
        return learn(votes, outcome.tally.counting)
    except ValueError as error:
        raise InspectorError(f"{line}: {error}; give it more parts, or leave the fused strategies out") from error


def _with_opinion(outcome: StrategyOutcome, opinion: Opinion, weights: Fusion) -> StrategyOutcome:
    counting = replace(outcome.tally.counting, fusion=weights, opinion=opinion)
    opinion_ms = 0.0 if outcome.tally.counting.opinion else opinion.ms  # counted already where the strategy used it
    cost = outcome.cost._replace(ms=outcome.cost.ms + opinion_ms)
    return outcome._replace(tally=replace(outcome.tally, counting=counting), cost=cost)
