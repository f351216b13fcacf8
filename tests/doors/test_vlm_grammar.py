"""Reports held to their grammar: whatever the model would rather say, and wherever its text is cut off."""

from __future__ import annotations

import functools
import json

import tiny_model
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import PREAMBLE, REPORT, card, lamp

from inspector.report import read_box
from inspector.vlm.chat import Chat
from inspector.vlm.checkpoint import load_checkpoint
from inspector.vlm.decoding import Script
from inspector.vlm.grammar import Grammar, closing

STARTS = ("{", '{"', '{"defect": "', '{"bbox_2d": [')
WORDS = st.text(st.characters(codec="utf-8", exclude_characters='"\\\x7f', min_codepoint=32), max_size=12)
NUMBERS = st.lists(st.integers(0, 1000), min_size=4, max_size=4)
VALUES = {
    "defect": WORDS,
    "severity": st.sampled_from(["critical", "major", "minor"]),
    "bbox_2d": NUMBERS,
    "description": WORDS,
}
REPORTS = st.fixed_dictionaries({}, optional=VALUES).map(
    lambda report: json.dumps({key: report[key] for key in VALUES if key in report}, ensure_ascii=False)
)


@functools.cache
def chat() -> Chat:
    checkpoint = load_checkpoint(card(), tiny_model.folder() / "tiny")
    return Chat(checkpoint.tokenizer, checkpoint.model.config.image_token_id, checkpoint.end_tokens)


@functools.cache
def grammar() -> Grammar:
    checkpoint = load_checkpoint(card(), tiny_model.folder() / "tiny")
    return Grammar(checkpoint.tokenizer, checkpoint.model.config.text_config.vocab_size, chat())


def written(start: str, max_tokens: int, seed: int) -> str:
    """A report by a model that says anything at random."""
    script = Script(REPORT, start, max_tokens, chat(), grammar())
    random = torch.Generator().manual_seed(seed)
    while True:
        allowed = script.allowed
        assert allowed is not None
        likes = torch.rand(len(allowed), generator=random)
        text = script.take(int((likes * allowed).argmax()))
        if text is not None:
            assert text.tokens <= max_tokens
            return text.text


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(STARTS), st.integers(12, 60), st.integers(0, 10**6))
def test_a_model_that_says_anything_writes_what_can_be_parsed(start: str, max_tokens: int, seed: int) -> None:
    text = written(start, max_tokens, seed)
    assert text.startswith(start)
    assert isinstance(json.loads(text), dict)


@settings(deadline=None)
@given(REPORTS, st.data())
def test_a_report_cut_off_anywhere_can_be_closed(report: str, data: st.DataObject) -> None:
    cut = report[: data.draw(st.integers(1, len(report)))]
    assert isinstance(json.loads(cut + closing(cut)), dict)


@settings(deadline=None)
@given(REPORTS)
def test_every_report_is_allowed(report: str) -> None:
    held = grammar().hold("")
    assert held is not None
    for token in chat().encode(report):
        assert held.allowed()[token]
        held.take(token)
    assert held.is_complete


def test_a_complete_report_needs_no_closing() -> None:
    assert closing('{"defect": "none"}') == ""


def test_a_box_is_four_numbers_on_the_grid() -> None:
    box = read_box(written('{"bbox_2d": [', 60, 3))
    assert box is None or all(0.0 <= side <= 1.0 for side in box)


def test_a_text_that_no_report_begins_with_is_free() -> None:
    assert grammar().hold('{"verdict": "') is None
    assert Script(REPORT, '{"verdict": "', 20, chat(), grammar()).allowed is None


async def test_a_request_for_anything_else_is_answered_as_a_report_where_it_starts_as_one() -> None:
    engine = tiny_model.engine()
    prefix = await engine.open([lamp(0.95)], PREAMBLE)
    text = await engine.write(prefix, "Say something else.", start='{"severity": "', max_tokens=40)
    assert json.loads(text.text)["severity"] in ("critical", "major", "minor")
