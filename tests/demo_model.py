"""The checkpoint that is shipped, loaded once for all tests: in the engine, and asked whole prompts by transformers."""

from __future__ import annotations

import functools
from pathlib import Path

from whole_prompt import WholePrompt

from inspector.vlm.checkpoint import Checkpoint, load_checkpoint
from inspector.vlm.engine import TransformersEngine
from inspector.wiring import card_at

MODELS = Path(__file__).parents[1] / "models"
CARD = card_at(MODELS / "demo.yaml")


@functools.cache
def engine() -> TransformersEngine:
    return TransformersEngine.load(CARD, MODELS, threads=1)


def fresh_checkpoint() -> Checkpoint:
    """One that a test may change."""
    return load_checkpoint(CARD, MODELS / "demo")


@functools.cache
def reference() -> WholePrompt:
    return WholePrompt(fresh_checkpoint(), CARD)
