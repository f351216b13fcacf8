"""Error rates of stopping rules on simulated correlated votes: the default keeps its promise, others do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inspector.domain.declared import ViewName
from inspector.domain.effective_votes import Correlations
from inspector.domain.log_odds import expit
from inspector.domain.pipeline import CountMethod, SettlePolicy, Thresholds
from inspector.domain.stopping import AdaptiveConsistency, SequentialRule, StoppingRule
from inspector.domain.vote import Counting, StoppedBy, Vote
from inspector.lab.evaluation.stopping_simulation import (
    CONFIDENCE,
    VOTES,
    RuleResult,
    beta,
    simulate,
    simulation_report,
    soft,
    stop_parts,
    voters,
)
from inspector.lab.report_files import write_report
from inspector.tuning.calibration import fit

PROMISED = 1.0 - CONFIDENCE
RHOS = (0.0, 0.3, 0.6, 0.9)
ACCURACIES = (0.6, 0.7, 0.8, 0.9)


@pytest.fixture(scope="module")
def result() -> list[RuleResult]:
    return simulate(RHOS, ACCURACIES, parts=6000, seed=1)


def of(result: list[RuleResult], rule: str) -> dict[tuple[float, float], RuleResult]:
    return {(rule_result.rho, rule_result.accuracy): rule_result for rule_result in result if rule_result.rule == rule}


def broken(result: list[RuleResult], rule: str) -> set[tuple[float, float]]:
    """(rho, accuracy) with more errors than promised, beyond chance for 6,000 parts."""
    return {
        place
        for place, rule_result in of(result, rule).items()
        if rule_result.error > PROMISED + 3.0 * (PROMISED * CONFIDENCE / max(6000 * rule_result.settled, 1.0)) ** 0.5
    }


@pytest.mark.parametrize("rule", ["discounted", "discounted, rho learned"])
def test_discounted_votes_keep_the_promised_error_rate_everywhere(result: list[RuleResult], rule: str) -> None:
    assert broken(result, rule) == set()


def test_naive_beta_rule_breaks_it_wherever_votes_are_alike_or_poor(result: list[RuleResult]) -> None:
    assert broken(result, "Beta (Adaptive-Consistency)") == {
        (rho, accuracy)
        for rho in RHOS
        for accuracy in ACCURACIES
        if (rho, accuracy) not in {(0.0, 0.7), (0.0, 0.8), (0.3, 0.8), (0.0, 0.9), (0.3, 0.9), (0.6, 0.9)}
    }
    assert of(result, "Beta (Adaptive-Consistency)")[0.9, 0.6].error > 0.35


def test_soft_votes_taken_as_independent_break_it_too(result: list[RuleResult]) -> None:
    places = broken(result, "soft, taken as independent")
    assert {place for place in places if place[0] == 0.0} == set()
    assert {(rho, accuracy) for rho in (0.3, 0.6, 0.9) for accuracy in (0.6, 0.7, 0.8)} <= places


def test_discounted_beta_counts_give_up_where_votes_are_alike_and_are_no_promise_where_they_are_poor(
    result: list[RuleResult],
) -> None:
    counted = of(result, "Beta, discounted")
    assert (0.0, 0.6) in broken(result, "Beta, discounted")
    assert all(rule_result.settled == 0.0 for (rho, _), rule_result in counted.items() if rho >= 0.3)


def test_default_settles_most_parts_that_one_vote_gets_right_nine_times_in_ten(result: list[RuleResult]) -> None:
    assert of(result, "discounted")[0.6, 0.9].settled > 0.8


def test_overconfident_votes_break_the_promise_until_they_are_calibrated() -> None:
    rng = np.random.default_rng(2)
    log_odds = 2.5 * voters(0.6, 0.8, (6000, VOTES), rng)
    stored = 2.5 * voters(0.6, 0.8, (600, 1), rng)[:, 0]
    learned = fit([expit(x) for x in (*stored, *-stored)], [True] * 600 + [False] * 600)
    raw, calibrated = (
        stop_parts("", soft(each, 0.6), 0.6, 0.8) for each in (log_odds, learned.slope * log_odds + learned.intercept)
    )
    assert raw.error > 2 * PROMISED
    assert calibrated.error < 1.2 * PROMISED


RULES = [
    (
        SequentialRule(
            SettlePolicy(max_votes=64, confidence=CONFIDENCE),
            Thresholds(pass_below=0.5, reject_above=0.5),
            Counting(CountMethod.SOFT, Correlations(0.4)),
        ),
        soft,
        0.4,
    ),
    (AdaptiveConsistency(CONFIDENCE, max_votes=64), beta, 0.0),
]


@pytest.mark.parametrize(("rule", "posterior", "rho"), RULES, ids=["default", "adaptive-consistency"])
def test_the_simulation_stops_where_the_rules_stop(rule: StoppingRule, posterior: object, rho: float) -> None:
    assert callable(posterior)
    log_odds = voters(0.4, 0.7, (60, 12), np.random.default_rng(4))
    sure = posterior(log_odds, rho)
    for row, each in zip(log_odds.tolist(), np.maximum(sure, 1.0 - sure), strict=True):
        votes = [Vote(ViewName.PARAPHRASE, 0, expit(x)) for x in row]
        stopped = [rule.stop(votes[: n + 1]) is StoppedBy.SETTLED for n in range(len(votes))]
        assert stopped == (each >= CONFIDENCE).tolist()


def test_voters_are_as_right_and_as_alike_as_asked() -> None:
    log_odds = voters(0.5, 0.8, (40_000, 3), np.random.default_rng(6))
    assert (log_odds > 0).mean() == pytest.approx(0.8, abs=0.01)
    assert np.corrcoef(log_odds.T)[0, 1] == pytest.approx(0.5, abs=0.02)


def test_plot_is_drawn_once_and_whole(result: list[RuleResult], tmp_path: Path) -> None:
    write_report(simulation_report(result), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["simulation.png"]
    assert (tmp_path / "simulation.png").read_bytes().startswith(b"\x89PNG")
