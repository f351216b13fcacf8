"""The checkpoint that is shipped, loaded once for all tests: in the engine, and asked whole prompts by transformers."""

from __future__ import annotations

import functools

from support.paths import ROOT
from support.whole_prompt import WholePrompt

from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.adapters.vlm.transformers.checkpoint import Checkpoint, load_checkpoint
from inspector.adapters.vlm.transformers.engine import TransformersEngine
from inspector.adapters.vlm.transformers.images import ImagePreparer
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix
from inspector.adapters.vlm.transformers.model_forward import VisionLanguageModel
from inspector.bootstrap.from_settings import card_at
from inspector.lab.synthetic import draw, encode
from inspector.ports.engine import Picture

MODELS = ROOT / "models"
CARD = card_at(MODELS / "demo.yaml")


@functools.cache
def engine() -> TransformersEngine:
    return TransformersEngine.load(CARD, MODELS, threads=1)


def fresh_checkpoint() -> Checkpoint:
    """One that a test may change."""
    return load_checkpoint(CARD, MODELS / "demo")


def looked(network: VisionLanguageModel, checkpoint: Checkpoint) -> KeptPrefix:
    """A drawn cap and its preamble, through this network of the checkpoint."""
    patches = ImagePreparer(checkpoint.processor, CARD).patches([Picture(encode(draw("cap", 7)))])
    chat = ChatTemplate(checkpoint.tokenizer, checkpoint.model.config.image_token_id, checkpoint.end_tokens)
    return network.look(chat.prefix(patches.tokens, "A bottle cap.\n"), patches)


@functools.cache
def reference() -> WholePrompt:
    return WholePrompt(fresh_checkpoint(), CARD)
