"""A checkpoint of Qwen3-VL-2B's true shape, but for its depth and its weights, which are random: saved as its makers
save it, and loaded as the card of that model asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml
from support import tiny_model
from support.paths import ROOT
from support.whole_prompt import WholePrompt
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from inspector.adapters.vlm.transformers.checkpoint import load_checkpoint
from inspector.adapters.vlm.transformers.engine import TransformersEngine
from inspector.domain.declared import ViewName
from inspector.domain.model_card import ModelCard
from inspector.domain.prompts import Question
from inspector.domain.report import BOX_SCHEMA

CARDS = ROOT / "models"
TEXT = {
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 2,  # of 28
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "rope_parameters": {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20]},
}
VISION = {
    "depth": 3,  # of 24
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_heads": 16,
    "out_hidden_size": 2048,
    "num_position_embeddings": 2304,
    "deepstack_visual_indexes": [0, 1, 2],
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In bfloat16, with the tokenizer of the tiny model: Qwen's own is not shipped."""
    tiny = tiny_model.folder() / "tiny"
    known = json.loads((tiny / "config.json").read_text())
    config = Qwen3VLConfig.from_dict(
        known | {"text_config": known["text_config"] | TEXT, "vision_config": known["vision_config"] | VISION}
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        model = Qwen3VLForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(torch.float32)
    path = tmp_path_factory.mktemp("hub") / "checkpoint"
    model.save_pretrained(path)
    for file in tiny.iterdir():
        if not (path / file.name).exists():
            (path / file.name).write_bytes(file.read_bytes())
    return path


async def test_the_card_of_the_2b_model_loads_its_shape(checkpoint: Path) -> None:
    declared = yaml.safe_load((CARDS / "qwen3-vl-2b-instruct.yaml").read_text())
    card = ModelCard.model_validate(declared | {"checkpoint": str(checkpoint), "num_gpus": 0})
    engine = TransformersEngine.load(card, checkpoint.parent)
    prefix = await engine.open([tiny_model.lamp(0.5, (1600, 1200))], tiny_model.PREAMBLE)
    assert 700 <= prefix.tokens - 40 <= 1024  # the picture is brought within the card's 256 to 1024 visual tokens
    question = Question(ViewName.DIRECT, tiny_model.DIRECT)
    assert [answer.index async for answer in engine.ask(prefix, [question, question])] == [0, 1]
    text = await engine.write(prefix, tiny_model.REPORT, start='{"bbox_2d": [', max_tokens=12, schema=BOX_SCHEMA)
    assert isinstance(json.loads(text.text), dict)


async def test_the_true_shape_writes_what_generate_writes(checkpoint: Path) -> None:
    budget = {"min": 65536, "max": 65536}
    card = ModelCard.model_validate({"name": "2b", "checkpoint": str(checkpoint), "pixels": budget})
    engine, pictures = TransformersEngine.load(card, checkpoint.parent), [tiny_model.lamp(0.5)]
    written = await engine.write(
        await engine.open(pictures, tiny_model.PREAMBLE), "What is it?", start="", max_tokens=6
    )
    reference = WholePrompt(load_checkpoint(card, checkpoint), card)
    assert written == reference.generate(pictures, tiny_model.PREAMBLE + "What is it?", "", 6)
