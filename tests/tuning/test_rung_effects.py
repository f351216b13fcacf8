"""Whether asking more helps or harms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from inspector.domain.declared import ViewName
from inspector.domain.vote import Counting, LabelledVotes, Vote
from inspector.tuning.rung_effects import (
    RungEffect,
    RungOutcome,
    harmful_rungs,
    mcnemar,
    rung_effects,
    rung_outcomes,
    token_slope,
)

COUNTING = Counting()


def part(ng: bool | None, *rungs: float | None) -> LabelledVotes:
    """One vote on every rung, of ten tokens."""
    return LabelledVotes(tuple(Vote(ViewName.DIRECT, rung, p_ng, tokens=10) for rung, p_ng in enumerate(rungs)), ng)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_test_of_a_fair_coin(rescued: int, harmed: int) -> None:
    changed = rescued + harmed
    expected = binomtest(rescued, changed).pvalue if changed else 1.0
    assert mcnemar(rescued, harmed) == pytest.approx(expected)


def test_mcnemar_by_hand() -> None:
    assert mcnemar(0, 5) == pytest.approx(2 / 32)
    assert mcnemar(0, 6) == pytest.approx(2 / 64)
    assert mcnemar(3000, 3000) == 1.0
    assert mcnemar(0, 3000) == 0.0


@pytest.mark.parametrize(
    ("changed", "rescued", "harmed", "why"),
    [
        (part(True, 0.2, 0.99), 1, 0, "wrong before, right after"),
        (part(False, 0.2, 0.99), 0, 1, "right before, wrong after"),
        (part(True, 0.9, 0.9), 0, 0, "right all the time"),
        (part(True, None, 0.9), 1, 0, "no answer is wrong"),
        (part(False, 0.1, None), 0, 0, "an unreadable answer votes for nobody"),
        (part(True, 0.4, 0.6001), 1, 0, "votes add up: 0.5 and a little"),
    ],
)
def test_rescue_and_harm_of_a_rung(changed: LabelledVotes, rescued: int, harmed: int, why: str) -> None:
    assert rung_effects([changed], COUNTING) == [RungEffect(1, 1, rescued, harmed)], why


def test_only_parts_with_a_truth_that_reached_the_rung_count() -> None:
    found = rung_effects([part(True, 0.9), part(None, 0.1, 0.9), part(True, 0.1, 0.2, 0.999)], COUNTING)
    assert [(each.rung, each.parts, each.rescued) for each in found] == [(1, 1, 0), (2, 1, 1)]


def test_the_line_of_decision_can_be_another() -> None:
    assert rung_effects([part(True, 0.3, 0.3)], COUNTING, boundary=0.2) == [RungEffect(1, 1, 0, 0)]
    assert rung_effects([part(True, 0.1, 0.4)], COUNTING, boundary=0.2) == [RungEffect(1, 1, 1, 0)]


def test_a_rung_is_capped_for_harm_beyond_chance_only() -> None:
    useless, unlucky, bad, good = (
        RungEffect(1, 90, 4, 4),
        RungEffect(2, 90, 1, 4),
        RungEffect(3, 90, 2, 14),
        RungEffect(4, 90, 14, 2),
    )
    assert harmful_rungs([useless, unlucky, bad, good]) == [bad]


def test_spending_adds_up_over_rungs() -> None:
    spent = rung_outcomes([part(None, 0.9), part(True, 0.2, 0.99)], COUNTING)
    assert spent == [RungOutcome(0, 10, False), RungOutcome(0, 20, True)]


def drawn(effect: float, parts: int = 400) -> list[RungOutcome]:
    """Three rungs each, whose log-odds of being right move by `effect` per factor e of tokens."""
    rng = np.random.default_rng(11)
    difficulty, ladder = rng.normal(size=parts), [10, 40, 200]
    chance = 1.0 / (1.0 + np.exp(-(1.0 + difficulty[:, None] + effect * np.log(ladder))))
    right = rng.random((parts, 3)) < chance
    return [RungOutcome(n, tokens, bool(right[n, r])) for n in range(parts) for r, tokens in enumerate(ladder)]


def test_slope_finds_what_longer_answers_do() -> None:
    better, nothing, worse = (token_slope(drawn(effect)) for effect in (0.4, 0.0, -0.4))
    assert better is not None
    assert better.low > 0.0
    assert nothing is not None
    assert nothing.low < 0.0 < nothing.high
    assert worse is not None
    assert worse.is_inverse
    assert not nothing.is_inverse


def test_rungs_of_one_part_are_not_counted_as_so_many_parts() -> None:
    spent = drawn(0.0, parts=100)
    once, thrice = token_slope(spent), token_slope([each for each in spent for _ in range(3)])
    assert once is not None
    assert thrice is not None
    assert thrice.high - thrice.low == pytest.approx(once.high - once.low, rel=0.02)


@pytest.mark.parametrize(
    ("spent", "why"),
    [
        ([], "no parts"),
        ([RungOutcome(0, 10, True), RungOutcome(1, 20, True)], "all right"),
        ([RungOutcome(0, 10, True), RungOutcome(1, 10, False)], "all of one length"),
    ],
)
def test_no_slope_where_nothing_varies(spent: list[RungOutcome], why: str) -> None:
    assert token_slope(spent) is None, why


def test_answers_read_at_once_cost_one_token_in_the_logarithm() -> None:
    assert (
        token_slope(
            [RungOutcome(0, 0, True), RungOutcome(0, 5, False), RungOutcome(1, 0, True), RungOutcome(1, 9, True)]
        )
        is not None
    )


def test_verdicts_that_no_length_changes_show_no_harm() -> None:
    """One part in four is always wrong: the slope is rounding, of either sign."""
    spent = [RungOutcome(part, tokens, part != 2) for part in range(4) for tokens in range(32, 257, 32)]
    slope = token_slope(spent)
    assert slope is not None
    assert slope.low < 0.0 < slope.high
