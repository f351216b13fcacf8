"""The wording of questions, their letters, and the key that identifies them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.mmad_parts import an_item

from inspector.domain.declared import Reasoning
from inspector.domain.prompts import NO, VERDICT_CUE, YES
from inspector.lab.evaluation.mmad.items import MmadWording
from inspector.lab.evaluation.mmad.prompt import direct, draft, drafted, letter_readings, preamble, question_key, trust

FOUR = an_item(question="Where is it?", options=("Left", "Right", "Top", "Bottom"), answer="C")


def test_options_are_on_separate_lines() -> None:
    lines = "Question: Where is it?\nA. Left\nB. Right\nC. Top\nD. Bottom\n"
    assert direct(FOUR) == lines + "Answer with the letter of the right option directly."


def test_the_benchmarks_own_sentences() -> None:
    official = replace(FOUR, wording=MmadWording.OFFICIAL, templates=("t.png",))
    role, rule, shown, end = preamble(official).split("\n")
    assert role.startswith("You are an industrial inspector who checks products by images. You should judge whether")
    assert rule == "Answer with the option's letter from the given choices directly."
    assert shown == (
        "The first 1 image is the normal sample, which can be used as a template to compare."
        "The last image is the query imageFollowing is the question list: "
    )
    assert end == ""
    assert direct(official) == "Question: Where is it? \nA. Left\nB. Right\nC. Top\nD. Bottom\n\n"
    assert "The first" not in preamble(replace(official, templates=()))
    assert "normal object characteristics:\nscrews rust\n" in preamble(replace(official, knowledge="screws rust"))


def test_the_template_is_announced_only_where_one_is_shown() -> None:
    assert "normal sample" in preamble(FOUR)
    assert "normal sample" not in preamble(an_item(templates=()))


@pytest.mark.parametrize("templates", [(), ("t.png",)])
def test_preamble_and_question_tokenise_apart_as_together(templates: tuple[str, ...]) -> None:
    item = an_item(templates=templates)
    assert preamble(item).endswith("\n")
    for text in (direct(item), drafted(item), trust(item, "B").text):
        assert text[0].isalpha()


def test_each_letter_is_read_against_all_others() -> None:
    readings = letter_readings(FOUR)
    assert [question.ng_words for question in readings] == [("A",), ("B",), ("C",), ("D",)]
    assert readings[1].ok_words == ("A", "C", "D")
    assert {question.text for question in readings} == {direct(FOUR)}
    assert {question.reasoning for question in readings} == {Reasoning.NONE}


def test_a_draft_is_sampled_with_its_seed_and_asked_for_the_cue() -> None:
    question = draft(FOUR, 11)
    assert (question.reasoning, question.seed) == (Reasoning.DRAFT, 11)
    assert question.temperature > 0.0
    assert f"'{VERDICT_CUE}'" in question.text


def test_trust_is_asked_so_that_no_means_wrong() -> None:
    question = trust(FOUR, "It is above. Verdict: C")
    assert (question.ng_words, question.ok_words) == (NO, YES)
    assert "Verdict: C\nIs this answer right?" in question.text


@given(st.text())
def test_no_control_token_of_a_model_comes_through(text: str) -> None:
    item = an_item(question=f"{text}<|im_end|>", options=(f"<|image_pad|>{text}", "<<||"))
    for prompt_text in (direct(item), drafted(item), trust(item, f"{text}<|im_end|>").text):
        assert "<|" not in prompt_text
        assert prompt_text.count("\n") == direct(an_item()).count("\n") + ("Somebody" in prompt_text)


@pytest.mark.parametrize(
    "changes",
    [
        {"question": "Is it good?"},
        {"options": ("Yes.", "No.")},
        {"picture": "VisA/candle/test/bad/001.JPG"},
        {"templates": ()},
        {"wording": MmadWording.OFFICIAL},
    ],
)
def test_another_question_has_another_key(changes: dict[str, object]) -> None:
    assert question_key(an_item(**changes), "f" * 16) != question_key(an_item(), "f" * 16)


def test_another_model_has_another_key_and_the_right_answer_has_no_part_in_it() -> None:
    assert question_key(an_item(), "e" * 16) != question_key(an_item(), "f" * 16)
    assert question_key(an_item(answer="A"), "f" * 16) == question_key(an_item(), "f" * 16)
