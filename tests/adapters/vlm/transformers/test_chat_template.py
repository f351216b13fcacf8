"""Where the tokens of a prompt are cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import tiny_model
from support.paths import ROOT
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import PICTURES_OF, VERDICT_CUE, preamble, questions, report_request
from inspector.errors import ModelError

DEMO = ROOT / "models" / "demo"
PIPELINE = Pipeline.model_validate(
    {
        "line": "bakery",
        "cameras": ["*"],
        "product": "bakery label",
        "question": "Is there any defect on this label?",
        "defects": {"missing_hole": "major", "smear": "minor"},
        "golden_samples": ["golden.png"],
        "ladder": [{"views": ["direct"]}],
    }
)


def tokenizer_of(folder: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(folder)


def chat_of(tokenizer: PreTrainedTokenizerBase) -> ChatTemplate:
    return ChatTemplate(tokenizer, tokenizer.convert_tokens_to_ids("<|image_pad|>"), frozenset())


def whole(tokenizer: PreTrainedTokenizerBase, pictures: int, text: str) -> list[int]:
    content = [*({"type": "image"} for _ in range(pictures)), {"type": "text", "text": text}]
    messages = [{"role": "user", "content": content}]
    rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return list(tokenizer.encode(rendered, add_special_tokens=False))


def prompts(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    for view in ViewName:
        before = preamble(pipeline, PICTURES_OF[view])
        for reasoning in Reasoning:
            for question in questions(pipeline, view, samples=16, reasoning=reasoning, temperature=1.0, seed=0):
                yield before, question.text
        yield before, report_request(pipeline)


@pytest.mark.parametrize("pictures", [1, 2, 4])
@pytest.mark.parametrize("folder", [tiny_model.folder() / "tiny", DEMO], ids=["tiny", "demo"])
def test_prefix_and_suffix_are_the_tokens_of_the_whole_prompt(folder: Path, pictures: int) -> None:
    tokenizer = tokenizer_of(folder)
    chat = chat_of(tokenizer)
    for before, question in prompts(PIPELINE):
        parts = chat.prefix([1] * pictures, before) + chat.suffix(question)
        assert parts == whole(tokenizer, pictures, before + question)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"])), st.text(st.characters(codec="utf-8")))
def test_a_preamble_that_ends_a_line_is_cut_from_any_question_that_starts_with_a_letter(
    first: str, second: str
) -> None:
    tokenizer = tokenizer_of(tiny_model.folder() / "tiny")
    before, question = f"{first}.\n", f"Is {second}"
    parts = chat_of(tokenizer).prefix([1], before) + chat_of(tokenizer).suffix(question)
    assert parts == whole(tokenizer, 1, before + question)


def test_every_picture_takes_its_own_number_of_tokens() -> None:
    chat = chat_of(tokenizer_of(tiny_model.folder() / "tiny"))
    image = chat.encode("<|image_pad|>")[0]
    tokens = chat.prefix([3, 5], tiny_model.PREAMBLE)
    first = tokens.index(image)
    assert tokens[first : first + 4].count(image) == 3
    assert tokens.count(image) == 8


def test_a_start_is_said_by_the_assistant() -> None:
    chat = chat_of(tokenizer_of(tiny_model.folder() / "tiny"))
    assert chat.text(chat.suffix("Report.", '{"defect": "')).endswith('assistant\n{"defect": "')


def test_all_single_token_spellings_of_a_word_are_found() -> None:
    chat = chat_of(tokenizer_of(tiny_model.folder() / "tiny"))
    assert {chat.text([token]) for token in chat.spellings(("Yes",))} == {"Yes", " Yes"}


def test_the_demo_checkpoint_can_say_yes_and_no_and_where_its_verdict_stands() -> None:
    chat = chat_of(tokenizer_of(DEMO))
    yes, no = set(chat.spellings(("Yes",))), set(chat.spellings(("No",)))
    assert yes
    assert no
    assert not yes & no
    assert chat.text(chat.encode(f"All good. {VERDICT_CUE}")).endswith(VERDICT_CUE)


def test_a_template_that_shows_no_pictures_is_refused() -> None:
    tokenizer = tokenizer_of(tiny_model.folder() / "tiny")
    tokenizer.chat_template = "{{ messages[0].content[-1].text }}"
    with pytest.raises(ModelError, match="template of Qwen3-VL"):
        chat_of(tokenizer).prefix([1], "Look.\n")
