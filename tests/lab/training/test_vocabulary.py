"""The tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from inspector.domain import prompts as view
from inspector.lab.synthetic import PRODUCTS
from inspector.lab.training.vocabulary import TURN_END, coordinate_words
from inspector.lab.training.wordings import random_pipeline


@pytest.mark.parametrize(
    "text", [*view.YES, *view.NO, *coordinate_words(), *(f" {word}" for word in view.YES + view.NO)]
)
def test_verdicts_and_coordinates_are_single_tokens(tokenizer: Any, text: str) -> None:
    assert len(tokenizer.encode(text)) == 1


@settings(deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_survives_the_tokenizer(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_preamble_and_question_can_be_tokenised_separately(tokenizer: Any) -> None:
    rng = np.random.default_rng(8)
    for product in PRODUCTS:
        pipeline = random_pipeline(rng, product)
        preamble = view.preamble(pipeline, view.Pictures.FRAME)
        together = tokenizer.encode(preamble + pipeline.question)
        assert together == tokenizer.encode(preamble) + tokenizer.encode(pipeline.question)


def test_the_saved_tokenizer_equals_the_trained_one(tokenizer: Any, folder: Path) -> None:
    loaded = AutoTokenizer.from_pretrained(folder)
    text = '{"defect": "missing_hole", "severity": "major", "bbox_2d": [120, 340, 180, 1000]}'
    assert loaded.encode(text) == tokenizer.encode(text)
    assert loaded.chat_template == tokenizer.chat_template
    assert loaded.eos_token == TURN_END
