"""Keeps a report to its grammar: which tokens may come next, and how a text is closed before its cap. Knows llguidance.

llguidance: MIT, one wheel without dependencies for every Python from 3.9, released every few weeks, and the back end of
vLLM and SGLang. xgrammar would bring Triton along; outlines-core compiles an automaton over the whole vocabulary first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from inspector.pipeline import Severity
from inspector.report import GRID
from inspector.vlm.chat import Chat

if TYPE_CHECKING:
    from llguidance import LLMatcher
    from transformers import PreTrainedTokenizerFast

OPENING: Final = "{"  # a text that is made to begin with it is held to the grammar
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "integer", "minimum": 0, "maximum": int(GRID)}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "defect": TEXT,
        "severity": {"enum": [*Severity]},
        "bbox_2d": {"type": "array", "items": NUMBER, "minItems": 4, "maxItems": 4},
        "description": TEXT,
    },
    "additionalProperties": False,
    "x-guidance": {
        "whitespace_flexible": False,
        "item_separator": ", ",
        "key_separator": ": ",
        "json_allowed_escapes": "",  # a text without escapes can be closed anywhere
    },
}
CLOSINGS: Final = ("", "}", '"}', "]}", "0]}", "null}", ": null}", '": null}', '"": null}')


class Grammar:
    """The reports' grammar over one tokenizer. Safe to call from many threads."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, vocabulary: int, chat: Chat) -> None:
        from llguidance import LLMatcher
        from llguidance.hf import from_tokenizer

        self._chat = chat
        self._vocabulary = vocabulary
        self._tokenizer = from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=sorted(chat.end_tokens))
        # no_forcing: the model has learned how to cut what is forced into tokens, llguidance would cut it anew
        self._rules = LLMatcher.grammar_from_lark(
            '%llguidance {"no_forcing": true}\nstart: %json ' + json.dumps(SCHEMA)
        )
        self.closing_room = max(len(chat.encode(closing)) for closing in CLOSINGS)

    def hold(self, start: str) -> Held | None:
        """None where no report begins like that: such a text is free."""
        from llguidance import LLMatcher

        matcher = LLMatcher(self._tokenizer, self._rules, log_level=0)
        begins = matcher.consume_tokens(self._chat.encode(start))
        return Held(matcher, self._vocabulary) if begins else None


class Held:
    """One text held to the grammar."""

    def __init__(self, matcher: LLMatcher, vocabulary: int) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary

    @property
    def is_complete(self) -> bool:
        return bool(self._matcher.is_stopped())

    def allowed(self) -> Tensor:
        """Which tokens may come next, [vocabulary]."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        return torch.from_numpy(np.unpackbits(bits, count=self._vocabulary, bitorder="little").astype(bool))

    def take(self, token: int) -> None:
        self._matcher.consume_token(token)


def closing(text: str) -> str:
    """The shortest way to end a report that is cut off anywhere, so that it can be parsed."""
    return next(closing for closing in CLOSINGS if _parses(text + closing))


def masked(logits: Tensor, allowed: Sequence[Tensor | None]) -> Tensor:
    """The logits with what may not come next at minus infinity; None allows everything."""
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
