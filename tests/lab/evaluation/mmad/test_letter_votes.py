"""How an answer is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.lab.evaluation.mmad.letter_votes import AnswerKind, LetterVote, last_letter


@pytest.mark.parametrize(
    ("text", "letter", "why"),
    [
        ("B", "B", "as asked"),
        (" B.", "B", "with a full stop"),
        ("(C)", "C", "in brackets"),
        ("B: the lid is scratched", "B", "with its text"),
        ("The answer is D", "D", "in a sentence"),
        ("A or B", "B", "the last of two"),
        ("A crack on the rim", "A", "the article counts, as the benchmark has it"),
        ("B, as there is A crack", "A", "and even wins over the answer"),
        ("E", "E", "the fifth option"),
        ("F", None, "no sixth option"),
        ("b", None, "small letters don't count"),
        ("ABC", None, "letters that don't stand alone"),
        ("Bad", None, "a word that begins with a letter"),
        ("B2", None, "a digit beside it"),
        ("_B_", None, "an underscore is part of a word"),
        ("B\nC", "C", "over lines"),
        ("*B*", "B", "in Markdown"),
        ("选B。", None, "a letter of any script beside it"),
        ("选 B。", "B", "with a space between"),
        ("", None, "nothing"),
        ("Yes", None, "the option's text instead of its letter"),
    ],
)
def test_the_last_letter_standing_alone_is_the_answer(text: str, letter: str | None, why: str) -> None:
    assert last_letter(text) == letter, why


@given(st.text(), st.sampled_from("ABCDE"))
def test_a_last_letter_standing_alone_is_always_read(text: str, letter: str) -> None:
    assert last_letter(f"{text} {letter}") == letter


@given(st.text(st.characters(exclude_characters="ABCDE")))
def test_without_a_letter_nothing_is_read(text: str) -> None:
    assert last_letter(text) is None


def test_a_reading_is_for_its_likeliest_letter() -> None:
    vote = LetterVote(question="q", kind=AnswerKind.READ, number=0, shares={"A": 0.2, "B": 0.5, "C": 0.3})
    assert vote.letter == "B"
    assert LetterVote(question="q", kind=AnswerKind.READ, number=0).letter is None


def test_a_drafted_vote_is_for_the_letter_after_the_draft() -> None:
    vote = LetterVote(question="q", kind=AnswerKind.DRAFTED, number=0, draft="A crack. Verdict:", text=" C")
    assert vote.letter == "C"
    assert vote.model_copy(update={"text": " unsure"}).letter is None
