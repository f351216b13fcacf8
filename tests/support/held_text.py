"""The tiny model's tokenizer and grammar, and a model that says anything at random, as far as it is let."""

from __future__ import annotations

import functools

import torch
from support import tiny_model

from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.adapters.vlm.transformers.checkpoint import load_checkpoint
from inspector.adapters.vlm.transformers.decoding import TextDecoder
from inspector.adapters.vlm.transformers.json_grammar import JsonGrammars
from inspector.ports.engine import GeneratedText


@functools.cache
def chat() -> ChatTemplate:
    checkpoint = load_checkpoint(tiny_model.card(), tiny_model.folder() / "tiny")
    return ChatTemplate(checkpoint.tokenizer, checkpoint.model.config.image_token_id, checkpoint.end_tokens)


@functools.cache
def grammar() -> JsonGrammars:
    checkpoint = load_checkpoint(tiny_model.card(), tiny_model.folder() / "tiny")
    return JsonGrammars(checkpoint.tokenizer, checkpoint.model.config.text_config.vocab_size, chat())


def rambled(script: TextDecoder, seed: int) -> GeneratedText:
    random = torch.Generator().manual_seed(seed)
    while True:
        allowed = script.allowed
        assert allowed is not None
        text = script.take(int((torch.rand(len(allowed), generator=random) * allowed).argmax()))
        if text is not None:
            return text
