"""The engine on the checkpoint that is shipped, in the words that are asked of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from support.demo_model import engine, fresh_checkpoint, reference

from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.adapters.vlm.transformers.json_grammar import JsonGrammars
from inspector.domain.declared import Reasoning
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import REPORT_TOKENS, Pictures, preamble, questions, report_request
from inspector.domain.report import report_schema
from inspector.ports.engine import Picture

PIPELINE = Pipeline.model_validate(
    {
        "line": "labels",
        "cameras": ["*"],
        "product": "label",
        "question": "Is there any defect on this label?",
        "defects": {"scratch": "minor", "smear": "minor"},
        "ladder": [{"views": ["direct", "paraphrase", "inverted", "checklist"], "samples": 4}],
    }
)
PREAMBLE = preamble(PIPELINE, Pictures.FRAME)


def frame(seed: int) -> Picture:
    """A light card with dark strokes."""
    pixels = np.full((480, 480, 3), 220, dtype=np.uint8)
    for x, y in np.random.default_rng(seed).integers(20, 400, (12, 2)):
        pixels[y : y + 6, x : x + 60] = 40
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return Picture(data.getvalue())


@pytest.mark.parametrize("seed", range(2))
async def test_every_view_gets_the_probability_of_a_whole_forward(seed: int) -> None:
    asked = [
        question
        for view in PIPELINE.ladder[0].views
        for question in questions(PIPELINE, view, samples=4, reasoning=Reasoning.NONE, temperature=0.0, seed=seed)
    ]
    prefix = await engine().open([frame(seed)], PREAMBLE)
    found = [answer async for answer in engine().ask(prefix, asked)]
    assert len(found) == len(asked)
    for answer in found:
        expected = reference().share_of_ng([frame(seed)], PREAMBLE, asked[answer.index])
        assert answer.p_ng is None or answer.p_ng == pytest.approx(expected, abs=1e-4)


class Rules:
    """The schema of reports, as generate asks for it."""

    def __init__(self, start: str) -> None:
        loaded = fresh_checkpoint()
        chat = ChatTemplate(loaded.tokenizer, loaded.model.config.image_token_id, loaded.end_tokens)
        grammar = JsonGrammars(loaded.tokenizer, loaded.model.config.text_config.vocab_size, chat)
        self._held = grammar.hold(start, report_schema(PIPELINE))
        self._has_begun = False

    def __call__(self, _: int, tokens: torch.Tensor) -> list[int]:
        if self._has_begun:
            self._held.take(int(tokens[-1]))
        self._has_begun = True
        return [int(token) for token in self._held.allowed().nonzero()]


@pytest.mark.parametrize("seed", range(2))
async def test_a_report_is_the_text_of_generate_under_the_same_schema(seed: int) -> None:
    prefix = await engine().open([frame(seed)], PREAMBLE)
    request, start = report_request(PIPELINE), '{"defect": "'
    written = await engine().write(
        prefix, request, start=start, max_tokens=REPORT_TOKENS, schema=report_schema(PIPELINE)
    )
    spoken, _ = reference().generate(
        [frame(seed)], PREAMBLE + request, start, REPORT_TOKENS, prefix_allowed_tokens_fn=Rules(start)
    )
    assert spoken.startswith(written.text.removesuffix('"}')), "closed where it reached its cap, else the same"


async def test_a_picture_takes_a_token_for_each_square_of_32_pixels() -> None:
    one = await engine().open([frame(0)], PREAMBLE)
    two = await engine().open([frame(0), frame(1)], PREAMBLE)
    assert two.tokens - one.tokens == 11 * 11 + 2  # the picture of 352 x 352 pixels, and the two tokens around it
