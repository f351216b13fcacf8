"""Reports held to their grammar: whatever the model would rather say, and wherever its text is cut off."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny_model
from support.held_text import chat, grammar, rambled
from support.tiny_model import PREAMBLE, REPORT, lamp

from inspector.adapters.vlm.transformers.decoding import TextDecoder
from inspector.adapters.vlm.transformers.json_grammar import closing_text
from inspector.domain.declared import Severity
from inspector.domain.pipeline import Pipeline
from inspector.domain.report import BOX_SCHEMA, JsonSchema, read_box, report_schema
from inspector.errors import ModelError

PIPELINE = Pipeline.model_validate(
    {
        "line": "lamps",
        "cameras": ["*"],
        "product": "lamp",
        "question": "Is there any defect?",
        "defects": {"glare": "minor", "Dead_Pixel": "critical", "scratch-2": "major"},
        "ladder": [{"views": ["direct"]}],
    }
)
CLASSES = (*PIPELINE.defects, "other", "none")
SCHEMA = report_schema(PIPELINE)
BEGUN = (("{", SCHEMA), ('{"', SCHEMA), ('{"defect": "', SCHEMA), ('{"bbox_2d": [', BOX_SCHEMA))
WORDS = st.text(st.characters(codec="utf-8", exclude_characters='"\\\x7f', min_codepoint=32), max_size=12)
NUMBERS = st.lists(st.integers(0, 1000), min_size=4, max_size=4)
VALUES = {
    "defect": st.sampled_from(CLASSES),
    "severity": st.sampled_from(["critical", "major", "minor"]),
    "bbox_2d": NUMBERS,
    "description": WORDS,
}
REPORTS = st.fixed_dictionaries(VALUES).map(
    lambda report: json.dumps({key: report[key] for key in VALUES}, ensure_ascii=False)
)


def written(start: str, schema: JsonSchema, max_tokens: int, seed: int) -> str:
    """A report by a model that says anything at random."""
    text = rambled(TextDecoder(REPORT, start, max_tokens, chat(), grammar().hold(start, schema)), seed)
    assert text.tokens <= max_tokens
    return text.text


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(BEGUN), st.integers(12, 60), st.integers(0, 10**6))
def test_a_model_that_says_anything_writes_what_can_be_parsed(
    begun: tuple[str, JsonSchema], max_tokens: int, seed: int
) -> None:
    text = written(*begun, max_tokens, seed)
    assert text.startswith(begun[0])
    assert isinstance(json.loads(text), dict)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_a_report_names_a_class_of_its_line_a_severity_and_a_box_whatever_the_model_would_say(seed: int) -> None:
    report = json.loads(written('{"defect": "', SCHEMA, 80, seed))
    assert report["defect"] in CLASSES
    assert report["severity"] in ("critical", "major", "minor")
    assert len(report["bbox_2d"]) == 4


@settings(deadline=None)
@given(REPORTS, st.data())
def test_a_report_cut_off_anywhere_can_be_closed(report: str, data: st.DataObject) -> None:
    cut = report[: data.draw(st.integers(1, len(report)))]
    assert isinstance(json.loads(cut + closing_text(cut)), dict)


@settings(deadline=None)
@given(REPORTS)
def test_every_report_is_allowed(report: str) -> None:
    held = grammar().hold("", SCHEMA)
    for token in chat().encode(report):
        assert held.allowed()[token]
        held.take(token)
    assert held.is_complete


def test_a_complete_report_needs_no_closing() -> None:
    assert closing_text('{"defect": "none"}') == ""


def test_a_box_is_four_numbers_on_the_grid() -> None:
    box = read_box(written('{"bbox_2d": [', BOX_SCHEMA, 60, 3))
    assert box is None or all(0.0 <= side <= 1.0 for side in box)


@pytest.mark.parametrize("start", ['{"verdict": "', '{"defect": "rust', "Well, "])
def test_a_start_that_the_schema_forbids_is_refused(start: str) -> None:
    with pytest.raises(ModelError, match=r"for defect, severity, bbox_2d, description begins with"):
        grammar().hold(start, SCHEMA)


def test_a_class_called_as_the_fallback_is_listed_once() -> None:
    line = PIPELINE.model_copy(update={"defects": {"other": Severity.MINOR}})
    assert report_schema(line)["properties"]["defect"]["enum"] == ["other", "none"]


async def test_the_engine_holds_a_report_to_its_line() -> None:
    engine = tiny_model.engine()
    prefix = await engine.open([lamp(0.95)], PREAMBLE)
    line = PIPELINE.model_copy(update={"defects": {"dent": Severity.MINOR, "gleam": Severity.MAJOR}})
    text = await engine.write(prefix, REPORT, start='{"defect": "', max_tokens=96, schema=report_schema(line))
    assert json.loads(text.text)["defect"] in ("dent", "gleam", "other", "none")  # it would say glare
