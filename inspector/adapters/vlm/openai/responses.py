"""Reads a server's responses: the verdict from its token's log probabilities, a draft up to its cue.

Knows the JSON of chat completions; nothing of HTTP.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import accumulate

from pydantic import BaseModel, Field

from inspector.adapters.vlm.verdict import Reading, read_verdict, spellings
from inspector.domain.prompts import VERDICT_CUE, WAIT


class Alternative(BaseModel):
    """A token that could have been at this position."""

    token: str
    logprob: float


class Token(BaseModel):
    """A token of the answer, and the likeliest alternatives."""

    token: str
    top_logprobs: tuple[Alternative, ...] = ()


class Logprobs(BaseModel):
    content: tuple[Token, ...] | None = None


class ReplyMessage(BaseModel):
    content: str | None = None


class Choice(BaseModel):
    """One answer."""

    message: ReplyMessage
    logprobs: Logprobs | None = None

    @property
    def text(self) -> str:
        return self.message.content or ""

    @property
    def tokens(self) -> tuple[Token, ...] | None:
        """The tokens; None if the server returns no log probabilities. An empty answer has none to return."""
        return self.logprobs.content if self.logprobs else None


class Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Reply(BaseModel):
    """A chat completion, as far as it is read."""

    choices: tuple[Choice, ...] = Field(min_length=1)
    usage: Usage = Usage()


def read_token(token: Token, ng_words: Sequence[str], ok_words: Sequence[str]) -> Reading:
    """Read the verdict at this token, over all spellings.

    A spelling may be listed more than once: servers write different tokens the same way.
    """
    return read_verdict(_share(token, ng_words), _share(token, ok_words))


def verdict(tokens: Sequence[Token]) -> int | None:
    """Return the position of the verdict: the first non-blank token after the cue; None if there is none."""
    text = ""
    for place, token in enumerate(tokens):
        if VERDICT_CUE in text and token.token.strip():
            return place
        text += token.token
    return None


def thought(tokens: Sequence[Token]) -> int:
    """Return the number of tokens before the cue; all if there is none."""
    ends = [*accumulate(len(token.token) for token in tokens)]
    cue = "".join(token.token for token in tokens).find(VERDICT_CUE)
    return len(tokens) if cue < 0 else sum(end <= cue for end in ends)


def extended(text: str) -> str:
    """Return the text before the cue, with WAIT in its place."""
    before, _, _ = text.partition(VERDICT_CUE)
    return _joined(before, WAIT)


def up_to_cue(text: str) -> str:
    """Return a draft up to its cue, which is added if the model did not write it."""
    before, cue, _ = text.partition(VERDICT_CUE)
    return before + cue if cue else _joined(before, VERDICT_CUE)


def with_start(text: str, start: str) -> str:
    """Return the text with its start.

    llama.cpp repeats the text that it continues, vLLM does not, and a server that follows a schema spaces its JSON
    freely.
    """
    try:
        spaced = json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        spaced = text
    return next((said for said in (text, spaced) if said.startswith(start)), start + text)


def _joined(before: str, words: str) -> str:
    return before + ("" if not before or before[-1].isspace() else " ") + words


def _share(token: Token, words: Sequence[str]) -> float:
    written = spellings(words)
    return math.fsum(math.exp(each.logprob) for each in token.top_logprobs if each.token in written)
