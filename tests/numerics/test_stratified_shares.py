"""Estimates from audits: exact where all is known, honest where little was drawn, and right often enough."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.numerics.exact_bounds import measured_share
from inspector.numerics.stratified_shares import EstimatedShare, Stratum, ratio


def test_groups_that_were_examined_whole_leave_no_doubt() -> None:
    assert ratio([Stratum(100, 100, 2)], [Stratum(50, 50, 38)]) == EstimatedShare(0.05, 0.05, 0.05)


def test_nothing_found_in_a_small_draw_proves_little() -> None:
    """None of 100 drawn from 10,000 passed parts is NG: there may still be as many NG parts as were rejected."""
    share = ratio([Stratum(10_000, 100, 0)], [Stratum(100, 100, 100)])
    assert share.value == 0.0
    assert share.high is not None
    assert share.high > 0.75
    naive = measured_share(0, 200)
    assert naive.high is not None
    assert naive.high < 0.02, "what ignoring the draw would claim"


def test_group_without_draws_leaves_the_share_open() -> None:
    share = ratio([Stratum(1000, 0, 0)], [Stratum(100, 100, 60)])
    assert share.value is None
    assert share.low == 0.0
    assert share.high == pytest.approx(1000 / 1060)


def test_nothing_drawn_says_nothing() -> None:
    assert ratio([Stratum(10, 0, 0)], []) == EstimatedShare(None, None, None)


@pytest.mark.parametrize(
    ("pass_ng", "reject_ng", "probability"), [(0.002, 0.9, 0.05), (0.02, 0.6, 0.2), (0.1, 0.5, 0.01)]
)
def test_interval_holds_the_true_share_at_least_as_often_as_it_says(
    pass_ng: float, reject_ng: float, probability: float
) -> None:
    rng = np.random.default_rng(3)
    held, rounds, passed, rejected = 0, 300, 20_000, 1_000
    for _ in range(rounds):
        escapes, found = rng.binomial(passed, pass_ng), rng.binomial(rejected, reject_ng)
        strata = [_drawn(rng, passed, escapes, probability), _drawn(rng, rejected, found, 0.5)]
        share = ratio(strata[:1], strata[1:])
        true = escapes / (escapes + found)
        held += share.low is None or share.high is None or share.low <= true <= share.high
    assert held / rounds >= 0.95


def _drawn(rng: np.random.Generator, parts: int, hits: int, probability: float) -> Stratum:
    drawn = int(rng.binomial(parts, probability))
    return Stratum(parts, drawn, int(rng.hypergeometric(hits, parts - hits, drawn)) if drawn else 0)
