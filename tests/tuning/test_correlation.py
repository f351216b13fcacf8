"""The correlation of votes, learned from stored votes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.declarations import votes

from inspector.domain.declared import ViewName
from inspector.domain.effective_votes import PRIOR_CORRELATION, SAME_PICTURES_CORRELATION, Correlations
from inspector.domain.log_odds import expit
from inspector.domain.vote import LabelledVotes, Vote
from inspector.tuning.correlation import PRIOR_PARTS, Estimate, estimate, learn

DIRECT, ZOOM = ViewName.DIRECT, ViewName.ZOOM
parts_of_any_kind = st.lists(
    st.builds(LabelledVotes, st.lists(votes(), max_size=5).map(tuple), st.none() | st.booleans(), st.none()), max_size=8
)


def drawn(parts: int, within: float, across: float, *, told: bool = True, strength: float = 1.0) -> list[LabelledVotes]:
    """Two votes of either kind each, normal about the truth: correlation `within` a kind and `across` kinds."""
    rng = np.random.default_rng(7)
    kinds = [DIRECT, DIRECT, ZOOM, ZOOM]
    matrix = [
        [1.0 if i == j else within if a is b else across for j, b in enumerate(kinds)] for i, a in enumerate(kinds)
    ]
    noise = rng.multivariate_normal(np.zeros(4), matrix, size=parts)
    truths = [bool(number % 2) for number in range(parts)]
    return [
        LabelledVotes(
            tuple(
                Vote(view, 0, expit(float(error) + (strength if ng else -strength)))
                for view, error in zip(kinds, row, strict=True)
            ),
            ng if told else None,
        )
        for row, ng in zip(noise, truths, strict=True)
    ]


def raw(parts: list[LabelledVotes]) -> dict[tuple[ViewName, ViewName], float]:
    return {(each.one, each.other): each.raw for each in estimate(parts)}


def test_correlation_that_drew_the_votes_is_found_again() -> None:
    found = raw(drawn(4000, within=0.8, across=0.3))
    assert found[DIRECT, DIRECT] == pytest.approx(0.8, abs=0.03)
    assert found[ZOOM, ZOOM] == pytest.approx(0.8, abs=0.03)
    assert found[DIRECT, ZOOM] == pytest.approx(0.3, abs=0.04)


def test_without_the_truth_the_estimate_errs_on_the_safe_side() -> None:
    told, untold = raw(drawn(2000, 0.5, 0.2)), raw(drawn(2000, 0.5, 0.2, told=False))
    assert all(untold[pair] > told[pair] + 0.1 for pair in told)


def test_enough_labelled_parts_are_not_blurred_by_others() -> None:
    told = drawn(PRIOR_PARTS, 0.5, 0.2)
    assert raw([*told, *drawn(500, 0.5, 0.2, told=False)]) == raw(told)
    fewer = told[:-1]
    assert raw([*fewer, *drawn(500, 0.5, 0.2, told=False)]) != raw(fewer)


def test_few_parts_leave_the_prior_as_it_is() -> None:
    assert Estimate(DIRECT, ZOOM, raw=0.0, parts=2).rho == pytest.approx(PRIOR_CORRELATION, abs=0.04)
    assert Estimate(DIRECT, DIRECT, raw=0.0, parts=2).rho == pytest.approx(SAME_PICTURES_CORRELATION, abs=0.05)
    assert Estimate(DIRECT, ZOOM, raw=0.0, parts=PRIOR_PARTS).rho == pytest.approx(PRIOR_CORRELATION / 2)
    assert Estimate(DIRECT, DIRECT, raw=0.0, parts=4000).rho < 0.01


def test_votes_that_contradict_each_other_are_worth_no_more_than_independent_ones() -> None:
    assert Estimate(DIRECT, ZOOM, raw=-1.0, parts=1000).rho == 0.0


def test_votes_that_are_all_alike_teach_nothing() -> None:
    same = LabelledVotes((Vote(DIRECT, 0, 0.3), Vote(DIRECT, 0, 0.3)), ng=True)
    assert estimate([same] * 5) == []
    assert estimate([]) == []


def test_unreadable_answers_are_left_out() -> None:
    parts = drawn(60, 0.5, 0.2)
    holed = [part._replace(votes=(*part.votes, Vote(DIRECT, 0, None))) for part in parts]
    assert raw(holed) == raw(parts)


@given(parts_of_any_kind)
def test_estimates_are_correlations(parts: list[LabelledVotes]) -> None:
    for each in estimate(parts):
        assert -1.0 - 1e-9 <= each.raw <= 1.0 + 1e-9
        assert 0.0 <= each.rho <= 1.0


@given(parts_of_any_kind)
def test_order_of_parts_changes_nothing(parts: list[LabelledVotes]) -> None:
    forth, back = estimate(parts), estimate(parts[::-1])
    assert [each.raw for each in forth] == pytest.approx([each.raw for each in back])


def test_what_is_learned_discounts_votes() -> None:
    table = Correlations(pairs=learn(drawn(4000, 0.8, 0.1)))
    assert table.mean([DIRECT, DIRECT]) == pytest.approx(0.8, abs=0.03)
    assert table.mean([DIRECT, ZOOM]) < 0.2
    assert table.mean([DIRECT, ViewName.COMPARE]) == PRIOR_CORRELATION
