"""The tiny model's tokenizer and grammar, and a model that says anything at random, as far as it is let."""

from __future__ import annotations

import functools

import tiny_model
import torch

from inspector.ports import Text
from inspector.vlm.chat import Chat
from inspector.vlm.checkpoint import load_checkpoint
from inspector.vlm.decoding import Script
from inspector.vlm.grammar import Grammar


@functools.cache
def chat() -> Chat:
    checkpoint = load_checkpoint(tiny_model.card(), tiny_model.folder() / "tiny")
    return Chat(checkpoint.tokenizer, checkpoint.model.config.image_token_id, checkpoint.end_tokens)


@functools.cache
def grammar() -> Grammar:
    checkpoint = load_checkpoint(tiny_model.card(), tiny_model.folder() / "tiny")
    return Grammar(checkpoint.tokenizer, checkpoint.model.config.text_config.vocab_size, chat())


def rambled(script: Script, seed: int) -> Text:
    random = torch.Generator().manual_seed(seed)
    while True:
        allowed = script.allowed
        assert allowed is not None
        text = script.take(int((torch.rand(len(allowed), generator=random) * allowed).argmax()))
        if text is not None:
            return text
