"""Odds and probabilities: finite everywhere, and each the other's inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.log_odds import PROBABILITY_MARGIN, expit, logit, majority_probability, with_prior

shares = st.floats(0.0, 1.0)


@given(st.floats(-1000, 1000))
def test_expit_never_overflows(x: float) -> None:
    assert 0.0 <= expit(x) <= 1.0
    assert expit(x) + expit(-x) == pytest.approx(1.0)


@given(st.floats(PROBABILITY_MARGIN, 1.0 - PROBABILITY_MARGIN))
def test_log_odds_lead_back_to_the_probability(p: float) -> None:
    assert expit(logit(p)) == pytest.approx(p)


@given(shares)
def test_a_prior_of_a_half_changes_nothing(p: float) -> None:
    assert with_prior(p, 0.5) == p


def test_a_prior_multiplies_the_odds() -> None:
    assert with_prior(0.8, 0.1) == pytest.approx(4 / 9 / (1 + 4 / 9))


@pytest.mark.parametrize(("runner_up", "needed"), [(0, 4), (1, 6), (2, 8), (3, 9)])
def test_beta_rule_needs_the_votes_it_published(runner_up: int, needed: int) -> None:
    assert majority_probability(needed, runner_up) >= 0.95
    assert majority_probability(needed - 1, runner_up) < 0.95


@given(st.floats(0, 50), st.floats(0, 50))
def test_one_side_leads_or_the_other(ng: float, ok: float) -> None:
    assert majority_probability(ng, ok) + majority_probability(ok, ng) == pytest.approx(1.0)
