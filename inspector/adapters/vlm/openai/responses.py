"""Reads what a server answered: the verdict from the log probabilities of its token, a draft up to its cue. Knows the
JSON of chat completions; nothing of HTTP."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import accumulate

from pydantic import BaseModel, Field

from inspector.adapters.vlm.verdict import share_of_ng, spellings
from inspector.domain.prompts import VERDICT_CUE, WAIT


class Alternative(BaseModel):
    """A token that could have stood there."""

    token: str
    logprob: float


class Token(BaseModel):
    """A token that was said, and the likeliest that could have been."""

    token: str
    top_logprobs: tuple[Alternative, ...] = ()


class Logprobs(BaseModel):
    content: tuple[Token, ...] | None = None


class Message(BaseModel):
    content: str | None = None


class Choice(BaseModel):
    """One answer."""

    message: Message
    logprobs: Logprobs | None = None

    @property
    def text(self) -> str:
        return self.message.content or ""

    @property
    def tokens(self) -> tuple[Token, ...] | None:
        """None where the server gives no log probabilities; an answer that ended at once has none to give."""
        return self.logprobs.content if self.logprobs else None


class Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Reply(BaseModel):
    """A chat completion: what of it is read."""

    choices: tuple[Choice, ...] = Field(min_length=1)
    usage: Usage = Usage()


def p_ng(token: Token, ng_words: Sequence[str], ok_words: Sequence[str]) -> float | None:
    """The share of NG among NG and OK, all spellings summed. One spelling may be listed more than once: servers write
    different tokens the same."""
    return share_of_ng(_share(token, ng_words), _share(token, ok_words))


def verdict(tokens: Sequence[Token]) -> int | None:
    """Where the verdict stands: the first token after the cue that is not blank. None where there is none."""
    text = ""
    for place, token in enumerate(tokens):
        if VERDICT_CUE in text and token.token.strip():
            return place
        text += token.token
    return None


def thought(tokens: Sequence[Token]) -> int:
    """How many tokens stand before the cue; all where there is none."""
    ends = [*accumulate(len(token.token) for token in tokens)]
    cue = "".join(token.token for token in tokens).find(VERDICT_CUE)
    return len(tokens) if cue < 0 else sum(end <= cue for end in ends)


def kept_going(text: str) -> str:
    """What stands before the cue, with WAIT in its place."""
    before, _, _ = text.partition(VERDICT_CUE)
    return _joined(before, WAIT)


def up_to_cue(text: str) -> str:
    """A draft as far as its cue, which is added where the model did not write it."""
    before, cue, _ = text.partition(VERDICT_CUE)
    return before + cue if cue else _joined(before, VERDICT_CUE)


def begun(text: str, start: str) -> str:
    """The text with its start: llama.cpp repeats what it was made to continue, vLLM does not, and a server that keeps
    to a schema spaces its JSON as it likes."""
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
