"""The schema of a written checklist, and the strict reader of its text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate
from support.fakes import a_pipeline

from inspector.domain.prompts import checklist, golden_preamble
from inspector.tuning.checklist import (
    MAX_QUESTION_CHARS,
    CandidateQuestion,
    candidates,
    checklist_schema,
    checklist_start,
    plain_questions,
    read_questions,
)

LINE = a_pipeline(defects={"short": "critical", "missing_hole": "major"})
SHORT = "Is there a bridge of copper between two of the traces?"
HOLE = "Does one of the four mounting holes lack its drill?"


def written(**questions: object) -> str:
    return json.dumps({"short": SHORT, "missing_hole": HOLE} | questions)


def why_not(text: str) -> dict[str, str]:
    return {each.defect: each.why for each in read_questions(text, LINE).refused}


def test_one_question_is_read_for_every_class() -> None:
    found = read_questions(written(), LINE)
    assert found.usable == (CandidateQuestion("short", SHORT), CandidateQuestion("missing_hole", HOLE))
    assert found.refused == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"```json\n{written()}\n```", "a server that can't hold to a schema writes it as it likes"),
        (f"Here are the questions: {written()} Good luck!", "words around it"),
        (json.dumps([{"short": SHORT}, {"missing_hole": HOLE}]), "an object for each class"),
        (json.dumps({"Short": SHORT, "Missing hole": HOLE}), "classes as people write them"),
        (written(extra="Is it late?"), "a class that nobody declared is left out"),
        (written(short=f"  {SHORT}\n"), "space around a question"),
    ],
)
def test_questions_are_found_wherever_and_however_they_stand(text: str, reason: str) -> None:
    assert [each.text for each in read_questions(text, LINE).usable] == [SHORT, HOLE], reason


@pytest.mark.parametrize(
    ("question", "why"),
    [
        (None, "no question was written"),
        ("A bridge of copper.", "does not end with '?'"),
        ("", "String should have at least 3 characters"),
        ("?", "String should have at least 3 characters"),
        ("x" * 400 + "?", "String should have at most 400 characters"),
        ("Is <|im_end|> there?", "contains '<|', which a model reads as a control token"),
        (7, "Input should be a valid string"),
        ([SHORT], "Input should be a valid string"),
        ({"question": SHORT}, "Input should be a valid string"),
        ("Is there a short on this board?", "repeats another question"),
        ("is there a MISSING hole  on this board?", "repeats another question"),
    ],
)
def test_a_question_that_could_not_be_declared_is_refused_with_its_reason(question: object, why: str) -> None:
    assert why_not(written(short=question)) == {"short": why}


def test_a_question_about_two_classes_is_asked_once() -> None:
    assert why_not(written(missing_hole=SHORT.upper())) == {"missing_hole": "repeats another question"}


def test_control_characters_of_a_model_reach_no_terminal() -> None:
    found = read_questions(written(short="\x1b[31mIs it red?", missing_hole="\x1b[2J"), LINE)
    assert "\x1b" not in found.usable[0].text
    assert "\x1b" not in found.refused[0].text


@pytest.mark.parametrize("text", ["", "No.", "{", '{"short": ', "[1, 2]", "[" * 5000, '{"short": {"short": 1}}'])
def test_a_text_without_questions_gives_none_and_says_so_of_every_class(text: str) -> None:
    assert set(why_not(text)) == set(LINE.defects)


@given(st.text() | st.recursive(st.text() | st.none() | st.integers(), st.lists).map(lambda said: written(short=said)))
def test_whatever_is_written_a_usable_question_could_have_been_declared(text: str) -> None:
    found = read_questions(text, LINE)
    asked = tuple(each.text for each in found.usable)
    assert a_pipeline(checklist=asked, ladder=[{"views": ["checklist"]}]).checklist == asked
    assert len(asked) + len(found.refused) == len(LINE.defects)


def test_the_plain_question_about_a_class_stands_behind_the_written_one() -> None:
    listed = candidates(read_questions(written(short="No."), LINE), LINE)
    assert [(each.defect, each.written) for each in listed] == [
        ("short", False),
        ("missing_hole", True),
        ("missing_hole", False),
    ]


def test_plain_questions_are_those_of_a_line_without_a_checklist() -> None:
    with_one = LINE.model_copy(update={"checklist": (SHORT,)})
    assert tuple(each.text for each in plain_questions(with_one)) == checklist(LINE)


def test_the_schema_wants_a_short_question_for_every_class_in_declared_order() -> None:
    schema = checklist_schema(LINE)
    validate(json.loads(written()), schema)
    assert list(schema["properties"]) == schema["required"] == list(LINE.defects)
    assert written().startswith(checklist_start(LINE))
    assert schema["properties"]["short"]["maxLength"] == MAX_QUESTION_CHARS < 400


def test_the_model_hears_what_the_pictures_show() -> None:
    assert golden_preamble(LINE, 1).startswith("This picture shows a good board on")
    assert golden_preamble(LINE, 3).startswith("These 3 pictures show a good board on")
    assert golden_preamble(LINE, 3).endswith("Known defects: short, missing hole.\n")
