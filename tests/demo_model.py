"""The checkpoint that is shipped, loaded once for all tests: in the engine, and asked whole prompts by transformers."""

from __future__ import annotations

import functools
from pathlib import Path

from whole_prompt import WholePrompt

from inspector.ports import Picture
from inspector.products import draw, encode
from inspector.vlm.chat import Chat
from inspector.vlm.checkpoint import Checkpoint, load_checkpoint
from inspector.vlm.engine import TransformersEngine
from inspector.vlm.network import Network
from inspector.vlm.pictures import Optics
from inspector.vlm.rows import KeptPrefix
from inspector.wiring import card_at

MODELS = Path(__file__).parents[1] / "models"
CARD = card_at(MODELS / "demo.yaml")


@functools.cache
def engine() -> TransformersEngine:
    return TransformersEngine.load(CARD, MODELS, threads=1)


def fresh_checkpoint() -> Checkpoint:
    """One that a test may change."""
    return load_checkpoint(CARD, MODELS / "demo")


def looked(network: Network, checkpoint: Checkpoint) -> KeptPrefix:
    """A drawn cap and its preamble, through this network of the checkpoint."""
    patches = Optics(checkpoint.processor, CARD).patches([Picture(encode(draw("cap", 7)))])
    chat = Chat(checkpoint.tokenizer, checkpoint.model.config.image_token_id, checkpoint.end_tokens)
    return network.look(chat.prefix(patches.tokens, "A bottle cap.\n"), patches)


@functools.cache
def reference() -> WholePrompt:
    return WholePrompt(fresh_checkpoint(), CARD)
