"""What decides between three drafts that disagree: their majority, a zoom, or what separates them. Pure numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.strategies import DECIDERS, MAJORITY, StrategyOutcome
from inspector.lab.evaluation.strategy_figures import UNREADABLE_SCORE
from inspector.numerics.exact_bounds import MeasuredShare, measured_share


class DecidedDisagreements(NamedTuple):
    """One strategy on the parts whose three drafts disagree.

    `right`: the share that it decides right, at one half. `votes_added`: more than three, per part of all parts.
    """

    strategy: str
    right: MeasuredShare
    votes_added: float


def decided_disagreements(
    parts: Sequence[RecordedPart], outcomes: Mapping[str, Sequence[StrategyOutcome]]
) -> list[DecidedDisagreements]:
    """The strategies that decide disagreements of three drafts; none without the majority to compare with."""
    majority = outcomes.get(MAJORITY, ())
    split = [k for k, outcome in enumerate(majority) if outcome.tally.is_split]
    names = [name for name in DECIDERS if name in outcomes] if majority else []
    return [
        DecidedDisagreements(
            name,
            measured_share(sum(_is_right(outcomes[name][k], parts[k]) for k in split), len(split)),
            sum(mine.cost.votes - first.cost.votes for mine, first in zip(outcomes[name], majority, strict=True))
            / len(majority),
        )
        for name in names
    ]


def _is_right(outcome: StrategyOutcome, part: RecordedPart) -> bool:
    score = outcome.tally.score
    return score is not None and score != UNREADABLE_SCORE and (score > UNREADABLE_SCORE) is part.is_ng
