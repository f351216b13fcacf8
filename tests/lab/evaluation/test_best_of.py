"""Counting nine drafted answers otherwise: one of them alone, or weighted at a learned temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from support.evaluated_parts import a_line

from inspector.domain.declared import ViewName
from inspector.domain.pipeline import CountMethod
from inspector.domain.vote import Counting, StoppedBy, Tally, Vote
from inspector.errors import InspectorError
from inspector.lab.evaluation.best_of import BestOf, by_brevity, by_margin, by_p_true
from inspector.lab.evaluation.cross_fitted_temperature import TEMPERATURES, with_learned_temperatures
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.recording import NamedSuspect, Recording
from inspector.lab.evaluation.recording_replay import AskingCost
from inspector.lab.evaluation.strategies import StrategyOutcome, choose_strategies
from inspector.lab.evaluation.strategy_figures import part_labels
from inspector.ports.engine import GeneratedText

NOTHING = NamedSuspect(GeneratedText("", 0), 0.0)


def a_vote(p_ng: float | None, tokens: int = 10, p_true: float | None = None) -> Vote:
    return Vote(ViewName.DIRECT, 0, p_ng, tokens, p_true=p_true)


ANSWERS = (a_vote(0.4, 9, 0.9), a_vote(0.9, 20, 0.6), a_vote(0.45, 3, 0.7), a_vote(None, 1))


@pytest.mark.parametrize(("rank", "counts"), [(by_margin, 0.9), (by_brevity, 0.45), (by_p_true, 0.4)])
def test_the_answer_with_the_highest_rank_alone_counts(rank, counts: float) -> None:  # type: ignore[no-untyped-def]
    assert BestOf(4, rank).tally(ANSWERS).score == pytest.approx(counts)


def test_of_equal_answers_the_first_counts() -> None:
    assert BestOf(2, by_brevity).tally([a_vote(0.2), a_vote(0.7)]).score == pytest.approx(0.2)


def test_without_a_readable_answer_nothing_is_chosen() -> None:
    assert BestOf(2, by_margin).tally([a_vote(None), a_vote(None)]).score is None


def test_p_true_that_was_not_asked_is_named_with_the_remedy() -> None:
    with pytest.raises(InspectorError, match="weight_by: p_true"):
        BestOf(2, by_p_true).tally([a_vote(0.2), a_vote(0.7)])
    assert "best-of-9-p-true" not in choose_strategies([])
    assert "best-of-9-p-true" in choose_strategies(["best-of-9-p-true"])


def outcomes(votes: Sequence[tuple[Vote, ...]]) -> list[StrategyOutcome]:
    counting = Counting(CountMethod.WEIGHTED)
    return [StrategyOutcome(Tally(each, counting), StoppedBy.LADDER_END, 1, AskingCost(9, 0, 0.0)) for each in votes]


def recorded(count: int) -> list[RecordedPart]:
    """OK and NG parts in turn."""
    line = a_line()
    return [
        RecordedPart(
            line, number % 2 == 1, None, Recording(f"p{number}", f"{number:064x}", "m", (), "f", 0, (), NOTHING, ())
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(("surest_is_right", "expected"), [(True, min(TEMPERATURES)), (False, max(TEMPERATURES))])
def test_certainty_counts_as_much_as_it_was_worth_on_other_parts(surest_is_right: bool, expected: float) -> None:
    """Of three votes one is surer than the others and says the contrary."""
    parts = recorded(200)
    truths = [0.99 if part.is_ng else 0.01 for part in parts]
    votes = []
    for sure in truths if surest_is_right else [1.0 - each for each in truths]:
        other = 0.3 if sure > 0.5 else 0.7
        votes.append((a_vote(sure), a_vote(other), a_vote(other)))
    fitted = with_learned_temperatures(parts, outcomes(votes), part_labels(parts))
    assert {each.tally.counting.temperature for each in fitted} == {expected}
    right = np.mean(
        [
            (each.tally.score or 0.0) > 0.5 if part.is_ng else (each.tally.score or 1.0) < 0.5
            for each, part in zip(fitted, parts, strict=True)
        ]
    )
    assert right == 1.0


def test_no_temperature_is_learned_from_the_part_itself() -> None:
    """One part that contradicts all others does not change its own temperature."""
    parts = recorded(100)
    votes = [(a_vote(0.99 if part.is_ng else 0.01), a_vote(0.3 if part.is_ng else 0.7)) for part in parts]
    plain = with_learned_temperatures(parts, outcomes(votes), part_labels(parts))
    votes[0] = (a_vote(0.99), a_vote(0.3))
    odd = with_learned_temperatures(parts, outcomes(votes), part_labels(parts))
    assert odd[0].tally.counting.temperature == plain[0].tally.counting.temperature
    assert math.isfinite(odd[0].tally.score or math.nan)
