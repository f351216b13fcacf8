"""Strategies: the votes they ask for, when they stop, and the winning letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.mmad_parts import drafts

from inspector.errors import InspectorError
from inspector.lab.evaluation.mmad.letter_strategy import letter_strategy, ranked, weights
from inspector.lab.evaluation.mmad.letter_votes import AnswerKind, LetterVote

letters = st.sampled_from(["A", "B", "C", "D", "E", None])
names = st.sampled_from(["majority-1", "majority-3", "weighted-5", "adaptive-9", "adaptive-40"])


@pytest.mark.parametrize(
    ("name", "full", "kind"),
    [
        ("single", "single", AnswerKind.READ),
        ("text", "text", AnswerKind.WRITTEN),
        ("sampled", "sampled-3", AnswerKind.SAMPLED),
        ("sampled-9", "sampled-9", AnswerKind.SAMPLED),
        ("majority", "majority-3", AnswerKind.DRAFTED),
        ("majority-15", "majority-15", AnswerKind.DRAFTED),
        ("weighted", "weighted-3", AnswerKind.DRAFTED),
        ("adaptive", "adaptive-9", AnswerKind.DRAFTED),
    ],
)
def test_strategies_go_by_name(name: str, full: str, kind: AnswerKind) -> None:
    assert (letter_strategy(name).name, letter_strategy(name).kind) == (full, kind)


@pytest.mark.parametrize(
    "name", ["", "majority-0", "majority-65", "majority-", "single-3", "text-1", "vote", "Majority", "adaptive--3"]
)
def test_an_unknown_strategy_is_reported_with_the_known_ones(name: str) -> None:
    with pytest.raises(InspectorError, match="use single, text, sampled-N"):
        letter_strategy(name)


@pytest.mark.parametrize(
    ("said", "letter", "why"),
    [
        ("BBA", "B", "most"),
        ("ABB", "B", "whatever the order"),
        ("ABC", "A", "the first of equals"),
        ("CBA", "C", "which is no liking for A"),
    ],
)
def test_the_majority_wins(said: str, letter: str, why: str) -> None:
    assert letter_strategy("majority").answer(drafts(*said)) == letter, why


def test_unreadable_answers_vote_for_no_letter() -> None:
    majority = letter_strategy("majority")
    assert majority.answer(drafts(None, None, "C")) == "C"
    assert majority.answer(drafts(None, None, None)) is None
    assert majority.next_votes(drafts("A", None)) == 1


@pytest.mark.parametrize(
    ("said", "letter", "why"),
    [
        ("The answer is B.", "B", "the letter"),
        ("A defect is seen, so B", "B", "the last letter"),
        ("there is a scratch on it", "C", "the closest words"),
        ("", "D", "even nothing is closest to some option: the last one by its words"),
    ],
)
def test_the_official_parser_never_gives_up(said: str, letter: str, why: str) -> None:
    options = {"A": "No.", "B": "A hole.", "C": "A scratch is there", "D": "Yes"}
    vote = LetterVote(question="q", kind=AnswerKind.WRITTEN, number=0, text=said)
    assert letter_strategy("text").official_answer([vote], options) == letter, why


def test_votes_read_by_their_words_count_officially_alone() -> None:
    options = {"A": "No defect", "B": "A scratch"}
    votes = [*drafts("A"), *(vote.model_copy(update={"text": "scratch"}) for vote in drafts(None, None))]
    majority = letter_strategy("majority")
    assert (majority.answer(votes), majority.official_answer(votes, options)) == ("A", "B")


def test_trust_outweighs_number() -> None:
    votes = drafts("A", "A", "B", p_true=(0.1, 0.1, 0.95))
    assert letter_strategy("weighted").answer(votes) == "B"
    assert letter_strategy("majority").answer(votes) == "A"


def test_trust_is_wanted_of_the_votes_that_count_only() -> None:
    weighted = letter_strategy("weighted-3")
    votes = drafts("A", None, "B", "C", p_true=(0.5, None, None, None))
    assert weighted.distrusted(votes) == [votes[2]]
    assert letter_strategy("majority").distrusted(votes) == []


@pytest.mark.parametrize(
    ("said", "more"), [("", 4), ("AAA", 1), ("AAAA", 0), ("AAB", 4), ("AABCAA", 2), ("AABCAAA", 1), ("AAABAAA", 0)]
)
def test_adaptive_asks_the_fewest_that_could_end_it(said: str, more: int) -> None:
    assert letter_strategy("adaptive-9").next_votes(drafts(*said)) == more


def test_adaptive_uses_only_the_votes_it_would_have_asked_for() -> None:
    votes = drafts(*"BBBBAAAAA")
    assert letter_strategy("adaptive-9").used(votes) == votes[:4]
    assert letter_strategy("adaptive-9").answer(votes) == "B"
    assert letter_strategy("majority-9").answer(votes) == "A"


@given(names, st.lists(letters, max_size=45))
def test_asking_for_wanted_votes_always_ends(name: str, said: list[str | None]) -> None:
    chosen, votes, number = letter_strategy(name), drafts(), 0
    while more := chosen.next_votes(votes):
        number += more
        votes = drafts(*[*said, *["A"] * number][:number])
    assert chosen.used(votes) == votes
    assert len(votes) <= chosen.rule.max_votes


@given(names, st.lists(letters, max_size=12), st.lists(letters, max_size=4))
def test_votes_after_the_end_change_nothing(name: str, said: list[str | None], more: list[str | None]) -> None:
    chosen, votes = letter_strategy(name), drafts(*said)
    if chosen.next_votes(votes) == 0:
        assert chosen.answer(drafts(*said, *more)) == chosen.answer(votes)
        assert chosen.next_votes(drafts(*said, *more)) == 0


@given(st.lists(letters, max_size=9).flatmap(lambda said: st.tuples(st.just(said), st.permutations(said))))
def test_the_order_of_votes_decides_between_equals_only(orders: tuple[list[str | None], list[str | None]]) -> None:
    one, other = orders
    counts = {letter: one.count(letter) for letter in one}
    assert [counts[letter] for letter in ranked(drafts(*one))] == [counts[letter] for letter in ranked(drafts(*other))]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_weights_rise_with_trust_and_unknown_trust_is_a_half(trusts: list[float]) -> None:
    weighed = weights(drafts(*"A" * len(trusts), p_true=trusts))
    by_trust = sorted(zip(trusts, weighed, strict=True))
    assert [weight for _, weight in by_trust] == sorted(weighed)
    assert weights(drafts("A", "B", p_true=(None, 0.5))) == [1.0, 1.0]
