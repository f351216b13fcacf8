"""Constrains text to a JSON schema: which tokens may come next, and how a text is closed before its limit.

Uses llguidance: MIT, one wheel without dependencies for every Python from 3.9, released every few weeks, and the back
end of vLLM and SGLang. xgrammar requires Triton; outlines-core compiles an automaton over the whole vocabulary first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor

from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.domain.report import JsonSchema
from inspector.errors import ModelError

if TYPE_CHECKING:
    from llguidance import LLMatcher
    from transformers import PreTrainedTokenizerFast

GUIDANCE: Final[JsonSchema] = {
    "x-guidance": {
        "whitespace_flexible": False,
        "item_separator": ", ",
        "key_separator": ": ",
        "json_allowed_escapes": "",  # a text without escapes can be closed at any position
    }
}
CLOSINGS: Final = ("", "}", '"}', "]}", "0]}", "null}", ": null}", '": null}', '"": null}')


class JsonGrammars:
    """Compiled schemas over one tokenizer. Thread-safe."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, vocabulary: int, chat: ChatTemplate) -> None:
        from llguidance.hf import from_tokenizer

        self._chat = chat
        self._vocabulary = vocabulary
        self._tokenizer = from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=sorted(chat.end_tokens))
        self._closing_room = max(len(chat.encode(closing_text)) for closing_text in CLOSINGS)

    def hold(self, start: str, schema: JsonSchema) -> JsonConstraint:
        """Return the constraint for a text that begins with `start`. Raises ModelError if no such text exists."""
        from llguidance import LLMatcher

        # no_forcing: the model tokenizes forced text as it learned to, llguidance would tokenize it differently
        rules = LLMatcher.grammar_from_lark(
            '%llguidance {"no_forcing": true}\nstart: %json ' + json.dumps({**schema, **GUIDANCE})
        )
        matcher = LLMatcher(self._tokenizer, rules, log_level=0)
        if not matcher.consume_tokens(self._chat.encode(start)):
            keys = ", ".join(schema.get("properties", ()))
            raise ModelError(f"no text of the schema for {keys} begins with {start!r}; give it another start")
        return JsonConstraint(matcher, self._vocabulary, self._closing_room)


class JsonConstraint:
    """One text constrained to its schema. `closing_room` is the most tokens that closing it may take."""

    def __init__(self, matcher: LLMatcher, vocabulary: int, closing_room: int) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary
        self.closing_room = closing_room

    @property
    def is_complete(self) -> bool:
        return bool(self._matcher.is_stopped())

    def allowed(self) -> Tensor:
        """Return which tokens may come next, [vocabulary]."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        return torch.from_numpy(np.unpackbits(bits, count=self._vocabulary, bitorder="little").astype(bool))

    def take(self, token: int) -> None:
        self._matcher.consume_token(token)


def closing_text(text: str) -> str:
    """Return the shortest text that completes an object cut off anywhere, so that it can be parsed."""
    return next(closing_text for closing_text in CLOSINGS if _parses(text + closing_text))


def mask_logits(logits: Tensor, allowed: Sequence[Tensor | None]) -> Tensor:
    """Return the logits with forbidden tokens at minus infinity; `allowed` None allows every token."""
    for row, tokens in enumerate(allowed):
        if tokens is not None:
            logits[row].masked_fill_(~tokens.to(logits.device), -torch.inf)
    return logits


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
