"""The laws of counting: order does not matter, doubt is no vote, and asking stops only when nothing could change."""

from __future__ import annotations

import itertools
import math

import pytest
from declarations import a_pipeline, thresholds, votes
from hypothesis import given
from hypothesis import strategies as st

from inspector.decision import decide
from inspector.pipeline import Count, Disposition, Settle, Thresholds, ViewName
from inspector.vote import PRIOR_CORRELATION, StoppedBy, Tally, Vote, correlation, decided, effective, expit, settled

counts = st.sampled_from(Count)
PIPELINE = a_pipeline()
ANSWERS = (None, 0.0, 0.3, 0.5, 0.7, 1.0)


def vote(p_ng: float | None) -> Vote:
    return Vote(ViewName.DIRECT, 0, p_ng)


def tally(*answers: float | None, count: Count = Count.SOFT) -> Tally:
    return Tally(tuple(vote(p_ng) for p_ng in answers), count)


def disposition(counted: Tally, bounds: Thresholds) -> Disposition:
    pipeline = PIPELINE.model_copy(update={"thresholds": bounds, "count": counted.count})
    return decide(pipeline, counted, StoppedBy.LADDER_END).disposition


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
def test_the_order_of_votes_changes_nothing(orders: tuple[list[Vote], list[Vote]], count: Count) -> None:
    one, other = (Tally(tuple(order), count) for order in orders)
    assert one.score == other.score
    assert one.agreement == other.agreement
    assert one.confidence == other.confidence


@given(st.lists(votes(), max_size=8), counts)
def test_unreadable_answers_vote_for_nobody_and_are_kept(given_votes: list[Vote], count: Count) -> None:
    counted = Tally(tuple(given_votes), count)
    more = counted.add(vote(None))
    assert (more.score, more.agreement, more.confidence) == (counted.score, counted.agreement, counted.confidence)
    assert len(more.votes) == len(counted.votes) + 1


@given(st.lists(votes(readable=True), min_size=1, max_size=8), counts)
def test_score_agreement_and_confidence_stay_in_their_bounds(given_votes: list[Vote], count: Count) -> None:
    counted = Tally(tuple(given_votes), count)
    assert counted.score is not None
    assert counted.agreement is not None
    assert 0.0 <= counted.score <= 1.0
    assert 0.5 <= counted.agreement <= 1.0
    assert 0.5 <= counted.confidence <= 1.0
    assert 1.0 <= counted.n_eff <= len(given_votes) + 1e-9


@given(st.lists(votes(readable=True), max_size=6), votes(readable=True), counts)
def test_a_vote_never_moves_the_score_away_from_itself(given_votes: list[Vote], one: Vote, count: Count) -> None:
    before, after = Tally(tuple(given_votes), count).score, Tally((*given_votes, one), count).score
    assert after is not None
    if before is not None:
        target = one.ng if count is Count.MAJORITY else expit(one.log_odds)
        assert min(before, target) - 1e-9 <= after <= max(before, target) + 1e-9


@pytest.mark.parametrize(
    ("answers", "count", "score"),
    [
        ((), Count.SOFT, None),
        ((None, None), Count.SOFT, None),
        ((0.2,), Count.SOFT, 0.2),
        ((0.2, 0.8), Count.SOFT, 0.5),
        ((0.1, 0.1, 0.9), Count.SOFT, 1 / (1 + 9 ** (1 / 3))),
        ((0.2, None, 0.2), Count.SOFT, 0.2),
        ((0.4, 0.4, 0.9), Count.MAJORITY, 1 / 3),
        ((0.5,), Count.MAJORITY, 0.5),
        ((0.5, 0.1), Count.MAJORITY, 0.25),
        ((0.51, None), Count.MAJORITY, 1.0),
    ],
)
def test_scores_by_hand(answers: tuple[float | None, ...], count: Count, score: float | None) -> None:
    assert tally(*answers, count=count).score == (None if score is None else pytest.approx(score))


def test_an_undecided_vote_is_no_vote_for_ok() -> None:
    split = tally(0.5, 0.5, count=Count.MAJORITY)
    assert disposition(split, Thresholds()) is Disposition.REVIEW
    assert split.agreement == 0.5
    assert not settled(split, Settle(confidence=0.51), Thresholds())


def test_sixteen_correlated_votes_are_worth_little_more_than_one() -> None:
    assert effective(16, 0.8) == pytest.approx(1.23, abs=0.01)
    assert effective(3, 0.8) == pytest.approx(1.15, abs=0.01)
    assert effective(0, 0.8) == 0.0
    assert effective(7, 0.0) == 7.0


@given(st.integers(1, 64), st.floats(0.0, 1.0))
def test_more_votes_are_never_worth_less(n: int, rho: float) -> None:
    assert effective(n, rho) <= effective(n + 1, rho) * (1 + 1e-12)


def test_unanimous_uncorrelated_votes_settle_at_four_as_published() -> None:
    def leads(n: int) -> bool:
        counted = Tally((vote(1.0),) * n, Count.MAJORITY, correlation=0.0)
        return settled(counted, Settle(confidence=0.95), Thresholds())

    assert [n for n in range(1, 7) if leads(n)] == [4, 5, 6]


def test_unanimous_correlated_votes_do_not_settle_a_majority() -> None:
    counted = Tally((vote(1.0),) * 12, Count.MAJORITY, correlation=0.8)
    assert not settled(counted, Settle(confidence=0.95), Thresholds())


@given(st.lists(votes(), max_size=6), thresholds(), st.floats(0.51, 0.99), counts)
def test_doubt_never_settles(given_votes: list[Vote], bounds: Thresholds, confidence: float, count: Count) -> None:
    counted = Tally(tuple(given_votes), count)
    if settled(counted, Settle(confidence=confidence), bounds):
        assert disposition(counted, bounds) is not Disposition.REVIEW
        assert counted.confidence >= confidence


@given(
    st.lists(st.sampled_from(ANSWERS), max_size=4),
    st.integers(1, 3),
    thresholds() | st.just(Thresholds()),
    counts,
)
def test_decided_never_stops_while_some_continuation_could_change_the_disposition(
    answers: list[float | None], remaining: int, bounds: Thresholds, count: Count
) -> None:
    so_far = tally(*answers, count=count)
    if not decided(so_far, remaining, bounds):
        return
    outcomes = {
        disposition(tally(*answers, *more, count=count), bounds)
        for n in range(remaining + 1)
        for more in itertools.product(ANSWERS, repeat=n)
    }
    assert len(outcomes) == 1


@given(st.lists(st.sampled_from(ANSWERS), max_size=4), st.integers(1, 4), thresholds(), counts)
def test_decided_stops_as_soon_as_unanimous_answers_could_not_change_the_disposition(
    answers: list[float | None], remaining: int, bounds: Thresholds, count: Count
) -> None:
    so_far = tally(*answers, count=count)
    if so_far.score is None:
        assert not decided(so_far, remaining, bounds)
        return
    ends = {disposition(tally(*answers, *[p_ng] * remaining, count=count), bounds) for p_ng in (0.0, 1.0)}
    assert decided(so_far, remaining, bounds) == (len(ends) == 1)


def test_nothing_remaining_is_always_decided() -> None:
    assert decided(tally(), 0, Thresholds())


def test_correlation_is_the_declared_one_or_the_prior() -> None:
    assert correlation(Settle()) == PRIOR_CORRELATION
    assert correlation(Settle(vote_correlation=0.2)) == 0.2


@given(st.floats(-1000, 1000))
def test_expit_never_overflows(x: float) -> None:
    assert 0.0 <= expit(x) <= 1.0
    assert expit(x) + expit(-x) == pytest.approx(1.0)
