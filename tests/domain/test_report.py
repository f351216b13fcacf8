"""The strict reader of a model's report: odd answers are values, never exceptions."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.declarations import a_pipeline

from inspector.domain.declared import Severity
from inspector.domain.report import MAX_FINDINGS, MAX_TEXT_CHARS, Box, WordsState, in_region, read_box, read_words

PIPELINE = a_pipeline(defects={"short": "critical", "missing_hole": "major", "Spur": "minor"})
GOOD = '{"defect": "short", "severity": "minor", "bbox_2d": [100, 200, 300, 400], "description": "Two traces touch."}'

any_text = st.text(st.characters()) | st.text('{}[]",:0123456789.eE-+\\udefctbox_ \n')
near_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["defect", "severity", "bbox_2d", "description", "x"]), inner, max_size=5)
    ),
    max_leaves=12,
).map(json.dumps)


def test_a_good_answer_is_a_finding() -> None:
    words = read_words(GOOD, PIPELINE, tokens=40)
    assert (words.state, words.tokens, words.raw) == (WordsState.WRITTEN, 40, GOOD)
    assert words.main is not None
    assert (words.main.defect, words.main.bbox_norm) == ("short", Box(0.1, 0.2, 0.3, 0.4))
    assert words.main.description == "Two traces touch."


def test_the_declared_severity_outweighs_the_models() -> None:
    assert read_words(GOOD, PIPELINE).findings[0].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("text", "defects", "why"),
    [
        (f"```json\n[{GOOD}]\n```", ["short"], "models like fences and lists"),
        (f"Here it is: {GOOD} I hope this helps.", ["short"], "models like to talk around it"),
        (f"{GOOD}{GOOD}", ["short", "short"], "two objects side by side"),
        ('{"defect": "Missing Hole"}', ["missing_hole"], "classes are spoken with spaces and capitals"),
        ('{"defect": " MISSING_HOLE\\n"}', ["missing_hole"], "and with blanks around them"),
        ('{"defect": "spur"}', ["Spur"], "a declared class keeps its capitals"),
        ('{"defect": "dent"}', ["other"], "a class that nobody declared"),
        ('{"defect": ""}', ["other"], "a class without a name is still a finding"),
        ('{"defect": 7}', ["other"], "a number is no class"),
        ('{"defect": ["short"]}', ["other"], "a list is no class"),
        ('{"defect": "none"}', [], "the model names no defect"),
        ('{"defect": "No defect"}', [], "the same in other words"),
        ('{"defect": null}', [], "the same in JSON"),
        ('{"defect": "short",\r\n "description": "two\nrows"}', ["short"], "a raw line break inside a string"),
        ('{"defect": ' + "[" * 900 + "]" * 900 + "}", ["other"], "nested too deep to be printed"),
        ("[" + ", ".join(['{"defect": "short"}'] * 20) + "]", ["short"] * MAX_FINDINGS, "more than anyone reads"),
    ],
)
def test_odd_answers_are_read(text: str, defects: list[str], why: str) -> None:
    words = read_words(text, PIPELINE)
    assert [finding.defect for finding in words.findings] == defects, why
    assert words.state is WordsState.WRITTEN, why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing was written"),
        ("Yes, there is a short.", "words, no JSON"),
        (GOOD[:-1], "cut off by the token limit"),
        ('{"severity": "minor"}', "no class at all"),
        ('["defect"]', "a list of words"),
        ("{'defect': 'short'}", "Python, not JSON"),
        ('"defect"', "a string"),
        ("[" * 1500, "opened and never closed"),
        ('{"defect":' * 300, "opened and never closed, with names"),
        ('{"defect": "short", "description": "' + "long " * 500 + '"}', "longer than a report may be, so cut"),
    ],
)
def test_text_that_does_not_parse_is_stored_as_it_is(text: str, why: str) -> None:
    words = read_words(text, PIPELINE)
    assert words.state is WordsState.UNPARSABLE, why
    assert words.main is None
    assert words.raw == text[:MAX_TEXT_CHARS]


@pytest.mark.parametrize(
    ("box", "expected", "why"),
    [
        ([0, 0, 1000, 1000], Box(0, 0, 1, 1), "the whole picture"),
        ([-50, 10.5, 1200, 20.5], Box(0, 0.0105, 1, 0.0205), "beyond the border is cut there"),
        ([300, 200, 100, 400], None, "right of left"),
        ([100, 200, 100, 400], None, "no width"),
        ([1500, 0, 2000, 10], None, "nothing left of it inside the picture"),
        ([1, 2, 3], None, "three numbers"),
        ([1, 2, 3, 4, 5], None, "five numbers"),
        ([1, 2, 3, None], None, "a hole"),
        ([1, 2, 3, "4"], None, "a word"),
        ([1, 2, 3, True], None, "true is no number"),
        ([1, 2, 3, float("nan")], None, "not a number"),
        ([1, 2, 3, float("inf")], None, "endless"),
        ([1, 2, 3, 10**400], None, "too large for a float"),
        ([[1, 2, 3, 4]], None, "a list too deep"),
        ({"x0": 1}, None, "a mapping"),
        ("1,2,3,4", None, "words"),
        (None, None, "nothing"),
    ],
)
def test_boxes_are_read_or_left_out(box: object, expected: Box | None, why: str) -> None:
    text = json.dumps({"defect": "short", "bbox_2d": box})
    found = read_words(text, PIPELINE).findings[0].bbox_norm
    assert (found is None) == (expected is None), why
    assert found is None or expected is None or found == pytest.approx(expected), why
    assert read_box(text) == found


def test_a_box_of_a_detail_lies_on_the_whole_picture() -> None:
    assert Box(0.5, 0.0, 1.0, 0.25).to_frame(Box(0.2, 0.4, 0.6, 0.8)) == pytest.approx(Box(0.4, 0.4, 0.6, 0.5))


@pytest.mark.parametrize(
    ("box", "region", "expected"),
    [
        (Box(0.1, 0.2, 0.3, 0.4), None, Box(0.1, 0.2, 0.3, 0.4)),
        (Box(0.5, 0.5, 0.75, 0.625), (0.5, 0.25, 1.0, 0.75), Box(0.0, 0.5, 0.5, 0.75)),
        (Box(0.25, 0.25, 0.75, 1.0), (0.5, 0.5, 1.0, 1.0), Box(0.0, 0.0, 0.5, 1.0)),
        (Box(0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0), None),
    ],
)
def test_a_box_of_the_whole_frame_is_cut_to_the_cameras_region(
    box: Box, region: tuple[float, float, float, float] | None, expected: Box | None
) -> None:
    assert in_region(box, region) == expected


def test_the_first_usable_box_is_taken() -> None:
    assert read_box('{"bbox_2d": [9, 9, 1, 1]} {"bbox_2d": [0, 0, 500, 500]}') == Box(0.0, 0.0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("given_severity", "expected"),
    [("minor", Severity.MINOR), (" Critical", Severity.CRITICAL), ("fatal", Severity.MAJOR), ([1], Severity.MAJOR)],
)
def test_a_class_nobody_declared_has_the_models_severity(given_severity: object, expected: Severity) -> None:
    text = json.dumps({"defect": "dent", "severity": given_severity})
    assert read_words(text, PIPELINE).findings[0].severity is expected


@given(any_text | near_json)
def test_no_text_raises_and_every_word_can_be_stored(text: str) -> None:
    words = read_words(text, PIPELINE)
    box = read_box(text)
    assert words.state in (WordsState.WRITTEN, WordsState.UNPARSABLE)
    for written in (words.raw, *(finding.description for finding in words.findings)):
        assert "\0" not in written
        written.encode()
    for found in (box, *(finding.bbox_norm for finding in words.findings)):
        assert found is None or (0 <= found.x0 < found.x1 <= 1 and 0 <= found.y0 < found.y1 <= 1)


@given(near_json, st.integers(0, 60))
def test_a_cut_answer_never_raises(text: str, end: int) -> None:
    read_words(text[:end], PIPELINE)
    read_box(text[:end])


@pytest.mark.parametrize(
    ("text", "defects", "why"),
    [
        ('<think>Maybe {"defect": "open"}?</think>{"defect": "short"}', ["short"], "the thought is no finding"),
        ('Maybe {"defect": "open"}?</think>{"defect": "short"}', ["short"], "the template began the thought"),
        ('<think>Maybe {"defect": "open"}', None, "a thought that never ends"),
        (f'<think>{"long " * 1000}</think>{{"defect": "short"}}', ["short"], "a thought longer than the stored text"),
    ],
)
def test_json_inside_a_thought_is_no_finding(text: str, defects: list[str] | None, why: str) -> None:
    words = read_words(text, a_pipeline(defects={"short": "minor", "open": "minor"}))
    assert words.state is (WordsState.UNPARSABLE if defects is None else WordsState.WRITTEN), why
    assert [finding.defect for finding in words.findings] == (defects or [])


def test_a_box_inside_a_thought_is_none() -> None:
    assert read_box('<think>{"bbox_2d": [1, 2, 3, 4]}') is None
    assert read_box('<think>{"bbox_2d": [1, 2, 3, 4]}</think>{"bbox_2d": [0, 0, 500, 500]}') == (0.0, 0.0, 0.5, 0.5)
