"""Stopping rules: none stops while the outcome is open, and each follows its paper."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.declarations import a_pipeline, thresholds, votes

from inspector.domain.decision import decide
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.effective_votes import Correlations
from inspector.domain.pipeline import CountMethod, SettlePolicy, Thresholds
from inspector.domain.stopping import (
    AdaptiveConsistency,
    Cges,
    Esc,
    FixedRule,
    SequentialRule,
    Sprt,
    StoppingRule,
    is_decided,
    is_settled,
)
from inspector.domain.vote import Counting, StoppedBy, Tally, Vote

counts = st.sampled_from(CountMethod)
PIPELINE = a_pipeline()
ANSWERS = (None, 0.0, 0.3, 0.5, 0.7, 1.0)
INDEPENDENT = Correlations(0.0)
RULES: list[StoppingRule] = [
    FixedRule(9),
    AdaptiveConsistency(max_votes=9),
    Esc(window=3, max_votes=9),
    Sprt(max_votes=9),
    Cges(max_votes=9),
    SequentialRule(SettlePolicy(max_votes=9)),
    SequentialRule(SettlePolicy(max_votes=9), counting=Counting(CountMethod.MAJORITY, INDEPENDENT)),
]
rules = pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}-{rule.counting.count}")


def vote(p_ng: float | None) -> Vote:
    return Vote(ViewName.DIRECT, 0, p_ng)


def said(answers: str) -> list[Vote]:
    """n: NG, o: OK, h: half, u: unreadable; N, O: as sure as can be."""
    return [vote({"n": 0.9, "o": 0.1, "h": 0.5, "u": None, "N": 1.0, "O": 0.0}[each]) for each in answers]


def tally(*answers: float | None, count: CountMethod = CountMethod.SOFT) -> Tally:
    return Tally(tuple(vote(p_ng) for p_ng in answers), Counting(count))


def disposition(counted: Tally, bounds: Thresholds) -> Disposition:
    pipeline = PIPELINE.model_copy(update={"thresholds": bounds})
    return decide(pipeline, counted, StoppedBy.LADDER_END).disposition


@rules
def test_every_rule_ends_at_its_most_votes_and_asks_no_more(rule: StoppingRule) -> None:
    split = said("no" * 5)[:9]
    assert rule.stop(split) is not None
    assert rule.next_votes(split) == 0


@rules
@given(answers=st.lists(votes(), max_size=9))
def test_what_is_launched_ends_it_if_unanimous_and_no_fewer_would(rule: StoppingRule, answers: list[Vote]) -> None:
    launched = rule.next_votes(answers)
    if rule.stop(answers) is not None:
        assert launched == 0
        return
    ends = [
        any(rule.stop([*answers, *said(side * k)]) is not None for side in ("N", "O")) for k in range(1, launched + 1)
    ]
    assert ends == [False] * (launched - 1) + [True]


@pytest.mark.parametrize(
    ("rule", "answers", "why"),
    [
        (FixedRule(3), "nn", None),
        (FixedRule(3), "nnn", StoppedBy.LADDER_END),
        (AdaptiveConsistency(), "nnn", None),
        (AdaptiveConsistency(), "nnnn", StoppedBy.SETTLED),
        (AdaptiveConsistency(), "onnnnn", None),
        (AdaptiveConsistency(), "onnnnnn", StoppedBy.SETTLED),
        (AdaptiveConsistency(), "uuunnnn", StoppedBy.SETTLED),
        (AdaptiveConsistency(max_votes=5), "nonon", StoppedBy.LADDER_END),
        (Esc(), "nnnn", None),
        (Esc(), "nnnnn", StoppedBy.SETTLED),
        (Esc(), "onnnnnnnn", None),
        (Esc(), "onnnnnnnnn", StoppedBy.SETTLED),
        (Esc(), "nnnnu", None),
        (Esc(), "nnnnh", None),
        (Sprt(), "nnnnnn", None),
        (Sprt(), "nnnnnnn", StoppedBy.SETTLED),
        (Cges(), "h", None),
        (Cges(), "nn", StoppedBy.SETTLED),
        (Cges(), "no", None),
        (Cges(), "uno", None),
        (Sprt(), "nononon", None),
        (Sprt(), "nonononononono", StoppedBy.DECIDED),
    ],
)
def test_published_rules_by_hand(rule: StoppingRule, answers: str, why: StoppedBy | None) -> None:
    assert rule.stop(said(answers)) is why


@pytest.mark.parametrize(
    ("rule", "answers", "launched"),
    [
        (FixedRule(9), "", 9),
        (AdaptiveConsistency(), "", 4),
        (AdaptiveConsistency(), "nn", 2),
        (AdaptiveConsistency(), "no", 5),
        (AdaptiveConsistency(max_votes=4), "no", 2),
        (Esc(), "", 5),
        (Esc(), "nnnnno", 0),
        (Esc(), "nonn", 6),
        (Sprt(), "n", 6),
    ],
)
def test_exactly_the_votes_that_could_still_decide_are_launched(
    rule: StoppingRule, answers: str, launched: int
) -> None:
    assert rule.next_votes(said(answers)) == launched


def test_default_settles_on_one_clear_vote_and_goes_on_with_a_doubtful_one() -> None:
    assert SequentialRule().stop([vote(0.01)]) is StoppedBy.SETTLED
    assert SequentialRule().stop([vote(0.3)]) is None


def test_default_ends_with_the_ladder() -> None:
    assert SequentialRule(ladder_votes=2).stop([vote(0.5), vote(0.5)]) is StoppedBy.LADDER_END


def test_default_gives_up_what_the_rest_of_the_ladder_could_not_change() -> None:
    rule = SequentialRule(SettlePolicy(max_votes=6), counting=Counting(CountMethod.MAJORITY))
    assert rule.stop(said("nonon")) is StoppedBy.DECIDED


def test_a_vote_that_cannot_tell_counts_half_for_each_side() -> None:
    assert FixedRule(5).sides(said("nnohu")) == (2.5, 1.5)


def test_an_undecided_vote_is_no_vote_for_ok() -> None:
    split = tally(0.5, 0.5, count=CountMethod.MAJORITY)
    assert disposition(split, Thresholds()) is Disposition.REVIEW
    assert split.agreement == 0.5
    assert not is_settled(split, SettlePolicy(confidence=0.51), Thresholds())


def test_unanimous_uncorrelated_votes_settle_at_four_as_published() -> None:
    def leads(n: int) -> bool:
        counted = Tally((vote(1.0),) * n, Counting(CountMethod.MAJORITY, INDEPENDENT))
        return is_settled(counted, SettlePolicy(confidence=0.95), Thresholds())

    assert [n for n in range(1, 7) if leads(n)] == [4, 5, 6]


def test_unanimous_correlated_votes_do_not_settle_a_majority() -> None:
    counted = Tally((vote(1.0),) * 12, Counting(CountMethod.MAJORITY, Correlations(0.8)))
    assert not is_settled(counted, SettlePolicy(confidence=0.95), Thresholds())


@given(st.lists(votes(), max_size=6), thresholds(), st.floats(0.51, 0.99), counts)
def test_doubt_never_settles(
    given_votes: list[Vote], bounds: Thresholds, confidence: float, count: CountMethod
) -> None:
    counted = Tally(tuple(given_votes), Counting(count))
    if is_settled(counted, SettlePolicy(confidence=confidence), bounds):
        assert disposition(counted, bounds) is not Disposition.REVIEW
        assert counted.confidence >= confidence


@given(
    st.lists(st.sampled_from(ANSWERS), max_size=4),
    st.integers(1, 3),
    thresholds() | st.just(Thresholds()),
    counts,
)
def test_decided_never_stops_while_some_continuation_could_change_the_disposition(
    answers: list[float | None], remaining: int, bounds: Thresholds, count: CountMethod
) -> None:
    so_far = tally(*answers, count=count)
    if not is_decided(so_far, remaining, bounds):
        return
    outcomes = {
        disposition(tally(*answers, *more, count=count), bounds)
        for n in range(remaining + 1)
        for more in itertools.product(ANSWERS, repeat=n)
    }
    assert len(outcomes) == 1


@given(st.lists(st.sampled_from(ANSWERS), max_size=4), st.integers(1, 4), thresholds(), counts)
def test_decided_stops_as_soon_as_unanimous_answers_could_not_change_the_disposition(
    answers: list[float | None], remaining: int, bounds: Thresholds, count: CountMethod
) -> None:
    so_far = tally(*answers, count=count)
    if so_far.score is None:
        assert not is_decided(so_far, remaining, bounds)
        return
    ends = {disposition(tally(*answers, *[p_ng] * remaining, count=count), bounds) for p_ng in (0.0, 1.0)}
    assert is_decided(so_far, remaining, bounds) == (len(ends) == 1)


def test_nothing_remaining_is_always_decided() -> None:
    assert is_decided(tally(), 0, Thresholds())
