"""Reads a server's responses: the verdict from its token's log probabilities, a draft up to its cue.

Knows the JSON of chat completions; nothing of HTTP.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, field_validator

from inspector.adapters.vlm.verdict import MARKUP, Reading, find_cue, is_markup, read_verdict, spellings
from inspector.domain.prompts import VERDICT_CUE, WAIT
from inspector.domain.thoughts import CLOSED_THOUGHT, is_open_thought, without_thought

MOST_TOKENS: Final = 1_000_000  # of one answer
ROUNDING: Final = 1e-3  # of a log probability above 0, as half precision gives it


def _a_log_probability(value: float) -> float:
    if not value <= ROUNDING:
        raise ValueError(f"{value} is no log probability")
    return min(value, 0.0)


LogProbability = Annotated[float, Field(strict=True), AfterValidator(_a_log_probability)]


class Alternative(BaseModel):
    """A token that could have been at this position."""

    token: str
    logprob: LogProbability


class Token(BaseModel):
    """A token of the answer, and the likeliest alternatives."""

    token: str
    top_logprobs: tuple[Alternative, ...] = ()

    @field_validator("top_logprobs")
    @classmethod
    def _together_at_most_certain(cls, given: tuple[Alternative, ...]) -> tuple[Alternative, ...]:
        total = math.fsum(math.exp(each.logprob) for each in given)
        if total > 1.0 + len(given) * ROUNDING:
            raise ValueError(f"the log probabilities of one token sum to a probability of {total:.3g}")
        return given


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


def _a_count(given: object) -> int:
    return given if isinstance(given, int) and 0 <= given <= MOST_TOKENS else 0


Count = Annotated[int, BeforeValidator(_a_count)]


class Usage(BaseModel):
    """The server's own counts; 0 for what is none. No verdict depends on them."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0


class Reply(BaseModel):
    """A chat completion, as far as it is read."""

    choices: tuple[Choice, ...] = Field(min_length=1)
    usage: Annotated[Usage, BeforeValidator(lambda given: given if isinstance(given, dict) else {})] = Usage()


def read_token(token: Token, ng_words: Sequence[str], ok_words: Sequence[str]) -> Reading:
    """Read the verdict at this token, over all spellings.

    A spelling may be listed more than once: servers write different tokens the same way.
    """
    return read_verdict(_share(token, ng_words), _share(token, ok_words))


def verdict(tokens: Sequence[Token]) -> int | None:
    """Return the position of the verdict, the first token after the cue that is more than markup, or None."""
    starts = [*accumulate((len(token.token) for token in tokens), initial=0)]
    cue = find_cue("".join(token.token for token in tokens))
    places = enumerate(zip(starts, tokens, strict=False))
    return next((place for place, (at, token) in places if cue and at >= cue.end and not is_markup(token.token)), None)


def thought(tokens: Sequence[Token]) -> int:
    """Return the number of tokens before the cue; all if there is none."""
    ends = [*accumulate(len(token.token) for token in tokens)]
    cue = find_cue("".join(token.token for token in tokens))
    return len(tokens) if cue is None else sum(end <= cue.start for end in ends)


def extended(text: str) -> str:
    """Return the text before the cue, with WAIT in its place."""
    cue = find_cue(text)
    return _joined(text[: cue.start] if cue else text, WAIT)


def up_to_cue(text: str) -> str:
    """Return a draft up to its cue, which is added if the model did not write it, behind the end of its thought."""
    if is_open_thought(text):
        return text + CLOSED_THOUGHT + VERDICT_CUE
    cue = find_cue(text)
    return text[: cue.end] if cue else _joined(text, VERDICT_CUE)


def with_start(text: str, start: str) -> str:
    """Return the text with its start, without a thought before it.

    llama.cpp repeats the text that it continues, vLLM does not, and a server that follows a schema spaces its JSON
    freely.
    """
    text = without_thought(text)
    try:
        spaced = json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        spaced = text
    return next((said for said in (text, spaced) if said.startswith(start)), start + text)


def _joined(before: str, words: str) -> str:
    return before + ("" if not before or before[-1].isspace() else " ") + words


def _share(token: Token, words: Sequence[str]) -> float:
    written = spellings(words)
    return math.fsum(math.exp(each.logprob) for each in token.top_logprobs if each.token.strip(MARKUP) in written)
