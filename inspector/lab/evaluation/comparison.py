"""Compare strategies on the same recorded answers: their figures, and confidence intervals of the differences. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from inspector.domain.vote import Counting, LabelledVotes
from inspector.errors import InspectorError
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.compute_optimal import compute_optimal
from inspector.lab.evaluation.cross_fitted_fusion import with_fused_scores
from inspector.lab.evaluation.cross_fitted_temperature import with_learned_temperatures
from inspector.lab.evaluation.disagreements import DecidedDisagreements, decided_disagreements
from inspector.lab.evaluation.paired_bootstrap import (
    COSTS,
    ConfidenceInterval,
    FigureIntervals,
    PairedBootstrap,
)
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.strategies import COMPUTE_OPTIMAL, FUSED, TEMPERED, Strategy, StrategyOutcome
from inspector.lab.evaluation.strategy_figures import (
    PartLabels,
    StrategyFigures,
    StrategyScores,
    part_labels,
    strategy_figures,
    strategy_scores,
)
from inspector.lab.evaluation.thought_curve import ThoughtCurve, thought_curves
from inspector.tuning.rung_effects import RungEffect, rung_effects

BASES: Final = ("default", "ladder")  # compared with every other strategy; the effects of their rungs are reported
DIGITS: Final = 5  # of numbers in JSON, after the point


@dataclass(frozen=True, slots=True)
class Contrast:
    """One strategy against another: the difference `minus` in every figure, the ratio `over` in every cost."""

    minus: Mapping[str, ConfidenceInterval]
    over: Mapping[str, ConfidenceInterval]

    def as_json(self) -> dict[str, Any]:
        return {
            "minus": {name: interval._asdict() for name, interval in self.minus.items()},
            "over": {name: interval._asdict() for name, interval in self.over.items()},
        }


@dataclass(frozen=True, slots=True)
class StrategyComparison:
    """The results of all strategies on one set of labelled parts. `contrasts[a][b]`: a against b. `thoughts`: of the
    lines whose thoughts were recorded with their cuts. `disagreements`: of three drafts, by what decides them."""

    source: str
    labels: PartLabels
    unreadable: Sequence[str]
    scores: Mapping[str, StrategyScores]
    figures: Mapping[str, StrategyFigures]
    intervals: Mapping[str, FigureIntervals]
    contrasts: Mapping[str, Mapping[str, Contrast]]
    rungs: Mapping[str, Sequence[RungEffect]]
    thoughts: Sequence[ThoughtCurve] = ()
    disagreements: Sequence[DecidedDisagreements] = ()

    def points(self, cost: str) -> dict[str, tuple[float, float]]:
        """Every strategy's mean cost per part (votes, tokens or ms) and its balanced accuracy."""
        return {name: (getattr(each, f"{cost}_mean"), each.balanced_accuracy) for name, each in self.figures.items()}

    def as_json(self) -> dict[str, Any]:
        ng = int(self.labels.ng.sum())
        document = {
            "source": self.source,
            "parts": {"ok": len(self.labels.ng) - ng, "ng": ng, "unreadable": list(self.unreadable)},
            "strategies": {name: asdict(figures) for name, figures in self.figures.items()},
            "intervals": {
                name: {figure: interval._asdict() for figure, interval in each._asdict().items()}
                for name, each in self.intervals.items()
            },
            "contrasts": {
                one: {other: contrast.as_json() for other, contrast in others.items()}
                for one, others in self.contrasts.items()
            },
            "front": {cost: front(self.points(cost)) for cost in COSTS},
            "rungs": {
                name: [effect._asdict() | {"p_value": effect.p_value} for effect in effects]
                for name, effects in self.rungs.items()
            },
            "disagreements": [each._asdict() | {"right": each.right.as_json()} for each in self.disagreements],
            "thoughts": [curve.as_json() for curve in self.thoughts],
        }
        return {name: _rounded(value) for name, value in document.items()}


async def compare_recorded(
    source: str, parts: Sequence[RecordedPart], strategies: Mapping[str, Strategy], unreadable: Sequence[str] = ()
) -> StrategyComparison:
    """Replay all strategies and compare them. Raises InspectorError unless there are both OK and NG parts."""
    ng = sum(part.is_ng for part in parts)
    if not 0 < ng < len(parts):
        raise InspectorError(f"{source}: {ng} NG and {len(parts) - ng} OK parts; both kinds are needed")
    labels, batch_times = part_labels(parts), BatchTimeModel(part.recording for part in parts)
    outcomes = {name: [await strategy(part, batch_times) for part in parts] for name, strategy in strategies.items()}
    outcomes |= {name: with_fused_scores(parts, outcomes[name], labels) for name in FUSED & outcomes.keys()}
    outcomes |= {name: with_learned_temperatures(parts, outcomes[name], labels) for name in TEMPERED & outcomes.keys()}
    if COMPUTE_OPTIMAL in outcomes:
        outcomes[COMPUTE_OPTIMAL] = compute_optimal(parts, outcomes, labels)
    scores = {name: strategy_scores(parts, each, labels) for name, each in outcomes.items()}
    bases, bootstrap = [name for name in BASES if name in scores], PairedBootstrap(labels)
    return StrategyComparison(
        source,
        labels,
        unreadable,
        scores,
        {name: strategy_figures(each, labels) for name, each in scores.items()},
        {name: bootstrap.intervals(each) for name, each in scores.items()},
        {
            base: {name: _contrast(bootstrap, scores[base], each) for name, each in scores.items() if name != base}
            for base in bases
        },
        {base: effects_over_lines(parts, outcomes[base], float(np.median(scores[base].threshold))) for base in bases},
        thought_curves(parts),
        decided_disagreements(parts, outcomes),
    )


def front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """The strategies that are more accurate than all that cost no more, by rising cost."""
    best, on_front = -math.inf, []
    for name, (_, accuracy) in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1])):
        if accuracy > best:
            best = accuracy
            on_front.append(name)
    return on_front


def effects_over_lines(
    parts: Sequence[RecordedPart], outcomes: Sequence[StrategyOutcome], boundary: float
) -> list[RungEffect]:
    """The parts that every rung rescued and harmed, over all lines; each line counts votes by its own rules."""
    votes: dict[Counting, list[LabelledVotes]] = defaultdict(list)
    for part, outcome in zip(parts, outcomes, strict=True):
        votes[outcome.tally.counting].append(LabelledVotes(outcome.tally.votes, part.is_ng))
    effects = [effect for counting, of_line in votes.items() for effect in rung_effects(of_line, counting, boundary)]
    rungs = sorted({effect.rung for effect in effects})
    return [_sum([effect for effect in effects if effect.rung == rung]) for rung in rungs]


def _sum(effects: Sequence[RungEffect]) -> RungEffect:
    _, parts, rescued, harmed = zip(*effects, strict=True)
    return RungEffect(effects[0].rung, sum(parts), sum(rescued), sum(harmed))


def _contrast(bootstrap: PairedBootstrap, one: StrategyScores, other: StrategyScores) -> Contrast:
    return Contrast(bootstrap.differences(one, other), bootstrap.ratios(one, other))


def _rounded(value: Any) -> Any:
    """Round all numbers of a JSON value to DIGITS."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
