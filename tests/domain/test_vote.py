"""The laws of counting: order does not matter, doubt is no vote, and equal votes count once."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.declarations import a_pipeline, votes

from inspector.domain.declared import ViewName
from inspector.domain.effective_votes import PRIOR_CORRELATION, SAME_PICTURES_CORRELATION, Correlations
from inspector.domain.learned import Calibration, LearnedSettings, ViewPair
from inspector.domain.log_odds import expit, logit
from inspector.domain.pipeline import CountMethod
from inspector.domain.vote import Counting, Tally, Vote, counting

counts = st.sampled_from(CountMethod)
FINGERPRINT = "0123456789abcdef"


def vote(p_ng: float | None, p_true: float | None = None) -> Vote:
    return Vote(ViewName.DIRECT, 0, p_ng, p_true=p_true)


def tally(*answers: float | None, **how: Any) -> Tally:
    return Tally(tuple(vote(p_ng) for p_ng in answers), Counting(**how))


@pytest.mark.parametrize("p_ng", [-0.1, 1.1, math.nan, math.inf])
def test_what_is_no_probability_is_no_vote(p_ng: float) -> None:
    with pytest.raises(ValueError, match="not a probability"):
        vote(p_ng)


def test_an_unreadable_answer_has_no_log_odds() -> None:
    with pytest.raises(ValueError, match="unreadable"):
        _ = vote(None).log_odds


def test_a_votes_text_can_be_stored() -> None:
    assert Vote(ViewName.ZOOM, 1, 0.4, text="a\0b").text == "a\N{REPLACEMENT CHARACTER}b"


@given(votes(readable=True))
def test_log_odds_are_finite_and_on_the_side_of_the_answer(one: Vote) -> None:
    assert one.p_ng is not None
    assert abs(one.log_odds) <= 13.9
    assert (one.log_odds > 0) <= (one.p_ng >= 0.5)
    assert (one.log_odds < 0) <= (one.p_ng <= 0.5)


@given(st.lists(votes(), max_size=8).flatmap(lambda given: st.tuples(st.just(given), st.permutations(given))), counts)
def test_the_order_of_votes_changes_nothing(orders: tuple[list[Vote], list[Vote]], count: CountMethod) -> None:
    one, other = (Tally(tuple(order), Counting(count)) for order in orders)
    assert one.score == other.score
    assert one.agreement == other.agreement
    assert one.confidence == other.confidence


@given(st.lists(votes(), max_size=8), counts)
def test_unreadable_answers_count_for_neither_side_and_are_stored(given_votes: list[Vote], count: CountMethod) -> None:
    counted = Tally(tuple(given_votes), Counting(count))
    more = counted.add(vote(None))
    assert (more.score, more.agreement, more.confidence) == (counted.score, counted.agreement, counted.confidence)
    assert more.unreadable == counted.unreadable + 1


@given(st.lists(votes(readable=True), min_size=1, max_size=8), counts)
def test_score_agreement_and_confidence_stay_in_their_bounds(given_votes: list[Vote], count: CountMethod) -> None:
    counted = Tally(tuple(given_votes), Counting(count))
    assert counted.score is not None
    assert counted.agreement is not None
    assert 0.0 <= counted.score <= 1.0
    assert 0.5 <= counted.agreement <= 1.0
    assert 0.5 <= counted.confidence <= 1.0
    assert 1.0 <= counted.n_eff <= len(given_votes) + 1e-9


@given(st.lists(votes(readable=True), max_size=6), votes(readable=True), counts)
def test_a_vote_never_moves_the_score_away_from_itself(given_votes: list[Vote], one: Vote, count: CountMethod) -> None:
    before = Tally(tuple(given_votes), Counting(count)).score
    after = Tally((*given_votes, one), Counting(count)).score
    assert after is not None
    if before is not None:
        target = expit(one.log_odds) if count is CountMethod.SOFT else one.ng
        assert min(before, target) - 1e-9 <= after <= max(before, target) + 1e-9


@pytest.mark.parametrize(
    ("answers", "count", "score"),
    [
        ((), CountMethod.SOFT, None),
        ((None, None), CountMethod.SOFT, None),
        ((0.2,), CountMethod.SOFT, 0.2),
        ((0.2, 0.8), CountMethod.SOFT, 0.5),
        ((0.1, 0.1, 0.9), CountMethod.SOFT, 1 / (1 + 9 ** (1 / 3))),
        ((0.2, None, 0.2), CountMethod.SOFT, 0.2),
        ((0.4, 0.4, 0.9), CountMethod.MAJORITY, 1 / 3),
        ((0.5,), CountMethod.MAJORITY, 0.5),
        ((0.5, 0.1), CountMethod.MAJORITY, 0.25),
        ((0.51, None), CountMethod.MAJORITY, 1.0),
        ((0.4, 0.4, 0.9), CountMethod.WEIGHTED, 3.0 / (3.0 + 2.0 * 1.5**0.5)),  # weights are odds to the power 1 / 2
        ((0.0, 0.0), CountMethod.WEIGHTED, 0.0),
    ],
)
def test_scores_by_hand(answers: tuple[float | None, ...], count: CountMethod, score: float | None) -> None:
    assert tally(*answers, count=count).score == (None if score is None else pytest.approx(score))


@pytest.mark.parametrize("p_true", [-0.1, math.nan])
def test_what_is_no_probability_is_no_certainty(p_true: float) -> None:
    with pytest.raises(ValueError, match="p_true"):
        vote(0.5, p_true)


def test_a_surer_vote_weighs_more_and_heat_evens_that_out() -> None:
    doubtful_ok, sure_ng = vote(0.4), vote(0.99)
    scores = [
        Tally((doubtful_ok, doubtful_ok, sure_ng), Counting(CountMethod.WEIGHTED, temperature=t)).score or 0.0
        for t in (0.5, 2.0, 100.0)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1.0, abs=0.01)
    assert scores[-1] == pytest.approx(1 / 3, abs=0.02)


def test_the_models_own_p_true_stands_before_the_margin() -> None:
    doubted, trusted = vote(0.999, p_true=0.2), vote(0.4, p_true=0.9)
    assert (Tally((doubted, trusted), Counting(CountMethod.WEIGHTED)).score or 1.0) < 0.5
    assert trusted.certainty == pytest.approx(logit(0.9))


@given(st.lists(votes(readable=True), min_size=1, max_size=6), st.floats(0.01, 0.99), st.floats(0.01, 0.99), counts)
def test_a_higher_prior_never_lowers_the_score(
    given_votes: list[Vote], one: float, other: float, count: CountMethod
) -> None:
    low, high = (Tally(tuple(given_votes), Counting(count, prior=prior)).score for prior in sorted((one, other)))
    assert low is not None
    assert high is not None
    assert low <= high + 1e-5  # at a half the score is not clipped


def test_the_prior_is_what_a_part_is_worth_that_nothing_is_known_of() -> None:
    assert tally(0.5, prior=0.02).score == pytest.approx(0.02)
    assert tally(0.5, prior=0.02).confidence == pytest.approx(0.98)
    assert tally(0.5, count=CountMethod.MAJORITY, prior=0.02).score == pytest.approx(0.02)


def test_unequal_weights_are_worth_fewer_votes() -> None:
    alone = Correlations(0.0)
    assert tally(0.9, 0.9, 0.9, count=CountMethod.WEIGHTED, correlations=alone).n_eff == pytest.approx(3.0)
    assert tally(0.55, 0.55, 0.999, count=CountMethod.WEIGHTED, correlations=alone).n_eff < 1.2


def test_soft_confidence_is_the_posterior_of_equally_correlated_votes() -> None:
    counted = tally(0.8, 0.9, correlations=Correlations(0.5))
    independent = logit(0.8) + logit(0.9)
    assert counted.n_eff == pytest.approx(4 / 3)
    assert counted.confidence == pytest.approx(expit(independent / 1.5))


def test_overconfident_votes_make_less_sure_once_calibrated_and_score_the_same() -> None:
    raw = tally(0.99, 0.98)
    calibrated = tally(0.99, 0.98, calibration=Calibration(slope=0.5, intercept=0.0, frames=300, ng_share=0.5))
    assert calibrated.confidence < raw.confidence
    assert calibrated.score == raw.score


@given(st.lists(votes(), max_size=6), st.floats(0.05, 1.0))
def test_a_vote_below_the_readable_share_counts_as_if_it_had_no_answer(given: list[Vote], least: float) -> None:
    counts = Counting(min_readable=least)
    masked = tuple(vote.as_read(least) for vote in given)
    assert Tally(tuple(given), counts).score == Tally(masked, counts).score
    assert Tally(tuple(given), counts).confidence == Tally(masked, counts).confidence
    assert all(vote.p_ng is None for vote in masked if vote.readable is not None and vote.readable < least)
    assert all(new.p_ng == old.p_ng for new, old in zip(masked, given, strict=True) if old.readable is None)


def test_the_share_of_ng_among_calibration_frames_is_no_evidence_about_a_part() -> None:
    learned = Calibration(slope=1.0, intercept=logit(0.8), frames=300, ng_share=0.8)
    assert tally(0.9, calibration=learned).confidence == pytest.approx(0.9)


def test_correlation_is_the_declared_one_or_the_prior() -> None:
    assert counting(a_pipeline()).correlations == Correlations(PRIOR_CORRELATION, (), SAME_PICTURES_CORRELATION)
    assert counting(a_pipeline(settle={"vote_correlation": 0.2})).correlations == Correlations(0.2)


def test_what_was_learned_counts_under_its_own_fingerprint_only() -> None:
    pair = ViewPair(one=ViewName.DIRECT, other=ViewName.ZOOM, rho=0.3)
    fitted = Calibration(slope=0.8, intercept=0.1, frames=300, ng_share=0.5)
    learned = LearnedSettings(fingerprint=FINGERPRINT, correlations=(pair,), calibration=fitted)
    pipeline = a_pipeline(learned=learned)
    here, elsewhere = counting(pipeline, FINGERPRINT), counting(pipeline, "f" * 16)
    assert here == Counting(
        correlations=Correlations(PRIOR_CORRELATION, (pair,), SAME_PICTURES_CORRELATION), calibration=fitted
    )
    assert elsewhere == counting(a_pipeline())


def test_a_declared_correlation_stands_before_the_learned_one() -> None:
    pair = ViewPair(one=ViewName.DIRECT, other=ViewName.ZOOM, rho=0.3)
    pipeline = a_pipeline(
        settle={"vote_correlation": 0.9}, learned=LearnedSettings(fingerprint=FINGERPRINT, correlations=(pair,))
    )
    assert counting(pipeline, FINGERPRINT).correlations == Correlations(0.9)
