"""Strategies side by side on the same recorded answers: their figures, and how sure the differences are. Pure."""

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
from inspector.lab.evaluation.cross_fitted_fusion import with_fused_scores
from inspector.lab.evaluation.paired_bootstrap import COSTS, ConfidenceInterval, PairedBootstrap
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.strategies import FUSED, Strategy, StrategyOutcome
from inspector.lab.evaluation.strategy_figures import (
    PartLabels,
    StrategyFigures,
    StrategyScores,
    part_labels,
    strategy_figures,
    strategy_scores,
)
from inspector.tuning.rung_effects import RungEffect, rung_effects

BASES: Final = ("default", "ladder")  # every other strategy is compared with these; their rungs are looked at
DIGITS: Final = 5


@dataclass(frozen=True, slots=True)
class Contrast:
    """One strategy against another: `minus` in every figure, `over` in what they cost."""

    minus: Mapping[str, ConfidenceInterval]
    over: Mapping[str, ConfidenceInterval]


@dataclass(frozen=True, slots=True)
class StrategyComparison:
    """Everything found out about one set of labelled parts. `contrasts[a][b]`: a against b."""

    source: str
    truth: PartLabels
    unreadable: Sequence[str]
    scores: Mapping[str, StrategyScores]
    figures: Mapping[str, StrategyFigures]
    contrasts: Mapping[str, Mapping[str, Contrast]]
    rungs: Mapping[str, Sequence[RungEffect]]

    def points(self, cost: str) -> dict[str, tuple[float, float]]:
        """What every strategy costs (votes, tokens or ms a part), and its balanced accuracy."""
        return {name: (getattr(each, f"{cost}_mean"), each.balanced_accuracy) for name, each in self.figures.items()}

    def as_json(self) -> dict[str, Any]:
        ng = int(self.truth.ng.sum())
        document = {
            "source": self.source,
            "parts": {"ok": len(self.truth.ng) - ng, "ng": ng, "unreadable": list(self.unreadable)},
            "strategies": {name: asdict(found) for name, found in self.figures.items()},
            "contrasts": {
                one: {
                    other: {
                        "minus": {name: interval._asdict() for name, interval in contrast.minus.items()},
                        "over": {name: interval._asdict() for name, interval in contrast.over.items()},
                    }
                    for other, contrast in others.items()
                }
                for one, others in self.contrasts.items()
            },
            "front": {cost: front(self.points(cost)) for cost in COSTS},
            "rungs": {
                name: [change._asdict() | {"p_value": change.p_value} for change in found]
                for name, found in self.rungs.items()
            },
        }
        return {name: _rounded(value) for name, value in document.items()}


async def compare_recorded(
    source: str, cases: Sequence[RecordedPart], strategies: Mapping[str, Strategy], unreadable: Sequence[str] = ()
) -> StrategyComparison:
    """Raises InspectorError where the parts are all of one kind: nothing can be told from those."""
    ng = sum(case.is_ng for case in cases)
    if not 0 < ng < len(cases):
        raise InspectorError(f"{source}: {ng} NG and {len(cases) - ng} OK parts; both kinds are needed")
    truth, batch_times = part_labels(cases), BatchTimeModel(case.recording for case in cases)
    outcomes = {name: [await strategy(case, batch_times) for case in cases] for name, strategy in strategies.items()}
    outcomes |= {name: with_fused_scores(cases, outcomes[name], truth) for name in FUSED & outcomes.keys()}
    told = {name: strategy_scores(cases, found, truth) for name, found in outcomes.items()}
    bases, drawings = [name for name in BASES if name in told], PairedBootstrap(truth)
    return StrategyComparison(
        source,
        truth,
        unreadable,
        told,
        {name: strategy_figures(each, truth) for name, each in told.items()},
        {
            base: {name: _contrast(drawings, told[base], each) for name, each in told.items() if name != base}
            for base in bases
        },
        {base: rung_changes(cases, outcomes[base], float(np.median(told[base].threshold))) for base in bases},
    )


def front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Those that are more accurate than everything that costs no more, from cheap to dear."""
    best, kept = -math.inf, []
    for name, (_, accuracy) in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1])):
        if accuracy > best:
            best = accuracy
            kept.append(name)
    return kept


def rung_changes(
    cases: Sequence[RecordedPart], outcomes: Sequence[StrategyOutcome], boundary: float
) -> list[RungEffect]:
    """What every rung rescued and harmed, over all lines; each line counts its votes in its own way."""
    lines: dict[Counting, list[LabelledVotes]] = defaultdict(list)
    for case, outcome in zip(cases, outcomes, strict=True):
        lines[outcome.tally.counting].append(LabelledVotes(outcome.tally.votes, case.is_ng))
    found = [change for counting, parts in lines.items() for change in rung_effects(parts, counting, boundary)]
    return [_summed([change for change in found if change.rung == rung]) for rung in sorted({c.rung for c in found})]


def _summed(found: Sequence[RungEffect]) -> RungEffect:
    _, parts, rescued, harmed = zip(*found, strict=True)
    return RungEffect(found[0].rung, sum(parts), sum(rescued), sum(harmed))


def _contrast(drawings: PairedBootstrap, one: StrategyScores, other: StrategyScores) -> Contrast:
    return Contrast(drawings.differences(one, other), drawings.ratios(one, other))


def _rounded(value: Any) -> Any:
    """Numbers with as many digits as mean something."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
