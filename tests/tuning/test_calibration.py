"""Calibrated probabilities by Platt's sigmoid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.declared import ViewName
from inspector.domain.learned import Calibration
from inspector.domain.log_odds import expit, logit
from inspector.domain.vote import LabelledVotes, Vote
from inspector.numerics.classification_metrics import calibration_error
from inspector.tuning.calibration import fit, fit_votes

shares = st.floats(0.0, 1.0)
told = st.lists(st.tuples(shares, st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(ng for _, ng in rows) < len(rows)
)


def calibrated(p_ng: float, learned: Calibration) -> float:
    """Return the probability of NG among parts mixed like those that taught the calibration."""
    return expit(learned.slope * logit(p_ng) + learned.intercept)


def overconfident(parts: int, factor: float) -> tuple[list[float], list[bool]]:
    """Scores whose log-odds are `factor` times too far from a half."""
    rng = np.random.default_rng(3)
    log_odds = rng.normal(0.0, 2.0, size=parts)
    ng = rng.random(parts) < [expit(each) for each in log_odds.tolist()]
    return [expit(factor * each) for each in log_odds.tolist()], ng.tolist()


def test_overconfidence_is_measured_and_taken_back() -> None:
    p_ng, ng = overconfident(20_000, factor=2.0)
    learned = fit(p_ng, ng)
    assert learned.slope == pytest.approx(0.5, abs=0.02)
    assert learned.intercept == pytest.approx(0.0, abs=0.05)
    corrected = [calibrated(p, learned) for p in p_ng]
    assert calibration_error(p_ng, ng) > 0.06
    assert calibration_error(corrected, ng) < 0.015


def test_what_is_calibrated_stays_as_it_is() -> None:
    p_ng, ng = overconfident(20_000, factor=1.0)
    assert fit(p_ng, ng).slope == pytest.approx(1.0, abs=0.04)


@given(told)
def test_a_fit_is_finite_even_where_scores_part_the_classes_cleanly(rows: list[tuple[float, bool]]) -> None:
    learned = fit([p for p, _ in rows], [ng for _, ng in rows])
    assert np.isfinite([learned.slope, learned.intercept]).all()
    assert learned.frames == len(rows)


def test_smoothed_targets_promise_no_certainty_from_two_parts() -> None:
    learned = fit([0.01, 0.99], [False, True])
    assert calibrated(0.99, learned) == pytest.approx(2 / 3, abs=0.01)
    assert calibrated(0.01, learned) == pytest.approx(1 / 3, abs=0.01)


@given(told, shares, shares)
def test_a_rising_fit_keeps_the_order_of_scores(rows: list[tuple[float, bool]], one: float, other: float) -> None:
    learned = fit([p for p, _ in rows], [ng for _, ng in rows])
    low, high = sorted((one, other))
    if learned.slope > 0.0:
        assert calibrated(low, learned) <= calibrated(high, learned) + 1e-12


@pytest.mark.parametrize("ng", [[True, True], [False, False], []])
def test_one_kind_of_parts_is_refused_with_the_remedy(ng: list[bool]) -> None:
    with pytest.raises(ValueError, match="label more parts"):
        fit([0.5] * len(ng), ng)


def test_every_readable_vote_of_labelled_parts_is_fitted() -> None:
    def part(ng: bool | None, *p_ng: float | None) -> LabelledVotes:
        return LabelledVotes(tuple(Vote(ViewName.DIRECT, 0, each) for each in p_ng), ng)

    learned = fit_votes([part(True, 0.9, None, 0.7), part(False, 0.2), part(None, 0.5, 0.5)])
    assert learned == fit([0.9, 0.7, 0.2], [True, True, False])
    assert isinstance(learned, Calibration)
    assert learned.frames == 3
    assert learned.ng_share == pytest.approx(2 / 3)


def test_a_vote_that_stands_for_more_counts_as_if_it_were_there_so_often() -> None:
    once = fit([0.9, 0.3, 0.2, 0.6], [True, True, False, False], [1.0, 1.0, 3.0, 1.0])
    assert once.ng_share == pytest.approx(2 / 6)
    even = fit([0.9, 0.3, 0.2, 0.6], [True, True, False, False], [5.0, 5.0, 5.0, 5.0])
    assert even == fit([0.9, 0.3, 0.2, 0.6], [True, True, False, False])
