"""The schema of a checklist, at the two doors that hold a model to it: our own grammar, and llama.cpp's server."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny_model
from support.fakes import a_pipeline
from support.held_text import chat, grammar, rambled
from support.tiny_model import PREAMBLE, card, lamp

from inspector.adapters.vlm import load
from inspector.adapters.vlm.transformers.decoding import TextDecoder
from inspector.adapters.vlm.transformers.json_grammar import closing_text
from inspector.domain.prompts import checklist_request
from inspector.tuning.checklist import MAX_QUESTION_CHARS, checklist_schema, checklist_start, read_questions

LINE = a_pipeline("lamps", product="lamp", defects={"glare": "minor", "Dead_Pixel": "critical", "scratch-2": "major"})
SCHEMA, START = checklist_schema(LINE), checklist_start(LINE)
WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\\x7f', min_codepoint=32), max_size=MAX_QUESTION_CHARS
)
CHECKLISTS = st.fixed_dictionaries(dict.fromkeys(LINE.defects, WORDS)).map(
    lambda questions: json.dumps({name: questions[name] for name in LINE.defects}, ensure_ascii=False)
)


@settings(deadline=None, max_examples=10)
@given(st.integers(12, 90), st.integers(0, 10**6))
def test_a_model_that_says_anything_writes_what_can_be_read_wherever_it_is_cut(max_tokens: int, seed: int) -> None:
    held = grammar().hold(START, SCHEMA)
    text = rambled(TextDecoder(checklist_request(LINE), START, max_tokens, chat(), held), seed)
    questions = json.loads(text.text)
    assert list(questions)[:-1] == list(LINE.defects)[: len(questions) - 1], "the last name may be cut off"
    assert all(question is None or len(question) <= MAX_QUESTION_CHARS for question in questions.values())
    reading = read_questions(text.text, LINE)
    assert len(reading.usable) + len(reading.refused) == len(LINE.defects)


@settings(deadline=None, max_examples=30)
@given(CHECKLISTS)
def test_every_checklist_is_allowed(text: str) -> None:
    held = grammar().hold("", SCHEMA)
    for token in chat().encode(text):
        assert held.allowed()[token]
        held.take(token)
    assert held.is_complete


@settings(deadline=None)
@given(CHECKLISTS, st.data())
def test_a_checklist_cut_off_anywhere_can_be_closed(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(1, len(text)))]
    assert isinstance(json.loads(cut + closing_text(cut)), dict)


@pytest.mark.skipif(find_spec("xllamacpp") is None or find_spec("gguf") is None, reason="no llama.cpp server")
async def test_a_server_that_keeps_to_schemas_writes_a_question_under_every_class(tmp_path: Path) -> None:
    from support.gguf_model import write_gguf
    from support.llama_server import MODEL, llama_server

    with llama_server(write_gguf(tiny_model.folder() / "tiny", tmp_path)) as address:
        server = {"base_url": address, "model": MODEL, "answers_begin": "schema"}
        engine = load(card(engine="openai", server=server), Path())
        prefix = await engine.open([lamp(0.1), lamp(0.9)], PREAMBLE)
        written = await engine.write(prefix, checklist_request(LINE), start=START, max_tokens=900, schema=SCHEMA)
    assert list(json.loads(written.text)) == list(LINE.defects)
