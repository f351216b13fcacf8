"""Both opinions weighed: for every part by what the parts of its line in the other folds teach."""

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
    cases: Sequence[RecordedPart], outcomes: Sequence[StrategyOutcome], truth: PartLabels
) -> list[StrategyOutcome]:
    """The same outcomes, with the second opinion in their scores and its time in their cost. Raises InspectorError
    where a line has too few parts to learn from."""
    lines = np.array([case.pipeline.line for case in cases])
    opinions = [Opinion(recorded_opinion(case.recording).p_ng, recorded_opinion(case.recording).ms) for case in cases]
    parts = [
        LabelledVotes(outcome.tally.votes, case.is_ng, opinion)
        for case, outcome, opinion in zip(cases, outcomes, opinions, strict=True)
    ]
    told: dict[int, StrategyOutcome] = {}
    for line in np.unique(lines):
        for fold in range(FOLDS):
            here = np.flatnonzero((lines == line) & (truth.fold == fold)).tolist()
            others = np.flatnonzero((lines == line) & (truth.fold != fold)).tolist()
            if here:
                weights = _learned(str(line), [parts[k] for k in others], outcomes[here[0]])
                told |= {k: _with(outcomes[k], opinions[k], weights) for k in here}
    return [told[k] for k in range(len(cases))]


def _learned(line: str, parts: Sequence[LabelledVotes], outcome: StrategyOutcome) -> Fusion:
    try:
        return learn(parts, outcome.tally.counting)
    except ValueError as error:
        raise InspectorError(f"{line}: {error}; give it more parts, or leave the fused strategies out") from error


def _with(outcome: StrategyOutcome, opinion: Opinion, weights: Fusion) -> StrategyOutcome:
    counts = replace(outcome.tally.counting, fusion=weights, opinion=opinion)
    heard = 0.0 if outcome.tally.counting.opinion else opinion.ms
    cost = outcome.cost._replace(ms=outcome.cost.ms + heard)
    return outcome._replace(tally=replace(outcome.tally, counting=counts), cost=cost)
