"""The effective number of correlated votes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.declared import ViewName
from inspector.domain.effective_votes import Correlations, effective_votes
from inspector.domain.learned import ViewPair

views = st.sampled_from(ViewName)
pairs = st.lists(
    st.builds(ViewPair, one=views, other=views, rho=st.floats(0.0, 1.0)),
    max_size=5,
    unique_by=lambda pair: frozenset((pair.one, pair.other)),
)
tables = st.builds(Correlations, st.floats(0.0, 1.0), pairs.map(tuple))


def test_sixteen_correlated_votes_are_worth_little_more_than_one() -> None:
    assert effective_votes(16, 0.8) == pytest.approx(1.23, abs=0.01)
    assert effective_votes(3, 0.8) == pytest.approx(1.15, abs=0.01)
    assert effective_votes(0, 0.8) == 0.0
    assert effective_votes(7, 0.0) == 7.0


@given(st.integers(1, 64), st.floats(0.0, 1.0))
def test_more_votes_of_one_kind_are_never_worth_less(n: int, rho: float) -> None:
    assert effective_votes(n, rho) <= effective_votes(n + 1, rho) * (1 + 1e-12)


@given(tables, views, views)
def test_correlation_is_the_same_from_both_sides(table: Correlations, one: ViewName, other: ViewName) -> None:
    assert table.between(one, other) == table.between(other, one)


@given(tables, st.lists(views, min_size=1, max_size=8))
def test_worth_is_the_variance_ratio_of_the_mean(table: Correlations, asked: list[ViewName]) -> None:
    matrix = np.array([[table.between(a, b) for b in asked] for a in asked])
    np.fill_diagonal(matrix, 1.0)
    assert effective_votes(len(asked), table.mean(asked)) == pytest.approx(len(asked) ** 2 / matrix.sum())


@pytest.mark.parametrize("asked", [[], [ViewName.ZOOM]])
def test_a_vote_alone_is_like_no_other(asked: list[ViewName]) -> None:
    assert Correlations(0.9).mean(asked) == 0.0


def test_another_view_is_worth_more_than_the_same_again() -> None:
    table = Correlations(0.8, (ViewPair(one=ViewName.DIRECT, other=ViewName.ZOOM, rho=0.2),))
    again = effective_votes(2, table.mean([ViewName.DIRECT, ViewName.DIRECT]))
    zoomed = effective_votes(2, table.mean([ViewName.DIRECT, ViewName.ZOOM]))
    assert again == pytest.approx(2 / 1.8)
    assert zoomed == pytest.approx(2 / 1.2)


def test_views_that_differ_in_words_only_start_as_nearly_the_same_vote() -> None:
    table = Correlations(0.7, (), 0.95)
    assert table.between(ViewName.DIRECT, ViewName.PARAPHRASE) == table.between(ViewName.ZOOM, ViewName.ZOOM) == 0.95
    assert table.between(ViewName.DIRECT, ViewName.ZOOM) == table.between(ViewName.COMPARE, ViewName.ZOOM) == 0.7
    assert Correlations(0.7).between(ViewName.DIRECT, ViewName.PARAPHRASE) == 0.7
