"""`ports.Engine` on a server that speaks OpenAI's chat completions: vLLM, SGLang, Ray Serve LLM, llama.cpp.

The server batches, caches the common prefix and shares out its GPU; here all questions of a part go out at once, and
what is no longer needed is hung up on.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Coroutine, Hashable, Iterable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from pydantic import ValidationError

from inspector.errors import ModelError
from inspector.model_card import ModelCard, Server
from inspector.patches import PatchMap
from inspector.pipeline import Reasoning
from inspector.ports import Answer, Picture, Prefix, Text
from inspector.report import JsonSchema
from inspector.view import Question
from inspector.vlm.openai_client import Client
from inspector.vlm.openai_faults import unreadable, without_logprobs
from inspector.vlm.openai_identity import Peer
from inspector.vlm.openai_reading import Choice, Reply, Token, begun, p_ng, up_to_cue, verdict
from inspector.vlm.openai_requests import RenderedPrefix, Requests, rendered

Result = TypeVar("Result")
Asked = Sequence[tuple[int, Question]]  # questions with their numbers


class OpenAIEngine:
    """One model on one server."""

    def __init__(self, card: ModelCard, server: Server, key: str | None) -> None:
        """Raises ModelError when the server can't be reached, refuses the key, or does not serve the model."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._card, self._server = card, server
        self._peer = Peer(card, server, headers)
        self._client = Client(server, headers)
        self._requests = Requests(card, server)

    @classmethod
    def load(cls, card: ModelCard) -> OpenAIEngine:
        """Raises ModelError, with the remedy, when the card's server can't be used."""
        if card.server is None:
            raise ModelError(f"model {card.name}: engine openai needs `server` with a base_url")
        return cls(card, card.server, _key(card, card.server))

    @property
    def fingerprint(self) -> str:
        return self._peer.fingerprint

    async def open(self, pictures: Sequence[Picture], preamble: str) -> RenderedPrefix:
        return await asyncio.to_thread(rendered, pictures, preamble, self._card)

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        kept = _own(prefix)
        await self._peer.refresh()
        together = alike(questions, self._server.max_n)
        async with aclosing(as_they_finish(self._answers(kept, asked) for asked in together)) as finished:
            async for answers in finished:
                for answer in answers:
                    yield answer

    async def write(
        self,
        prefix: Prefix,
        request: str,
        *,
        start: str,
        max_tokens: int,
        schema: JsonSchema | None = None,
        urgent: bool = False,  # noqa: ARG002
    ) -> Text:
        kept = _own(prefix)
        reply = await self._complete(kept, self._requests.words(kept, request, start, max_tokens, schema))
        return Text(begun(reply.choices[0].text, start), reply.usage.completion_tokens)

    async def features(self, prefix: Prefix) -> PatchMap:  # noqa: ARG002
        raise ModelError(
            f"{self._server.base_url} shows no patches of its pictures; take second_opinion out of the pipeline, or "
            "run the model with engine: transformers"
        )

    async def close(self, prefix: Prefix) -> None:
        if isinstance(prefix, RenderedPrefix):
            prefix.content, prefix.closed = b"", True

    async def _answers(self, prefix: RenderedPrefix, asked: Asked) -> list[Answer]:
        """The answers to questions in the same words, from one request."""
        text, reasoning = asked[0][1].text, asked[0][1].reasoning
        if reasoning is not Reasoning.NONE:
            return await self._drafts(prefix, asked)
        token = await self._next_token(prefix, text)
        return [Answer(index, _read(token, question), 1, token.token if token else "") for index, question in asked]

    async def _drafts(self, prefix: RenderedPrefix, asked: Asked) -> list[Answer]:
        reply = await self._complete(prefix, self._requests.drafts(prefix, asked[0][1], len(asked)))
        given = [self._drafted(prefix, *each, choice) for each, choice in zip(asked, reply.choices, strict=False)]
        answers = [answer async for answer in as_they_finish(given)]
        left = asked[len(given) :]  # a server that does not know `n` gives one
        return answers + (await self._drafts(prefix, left) if left else [])

    async def _drafted(self, prefix: RenderedPrefix, index: int, question: Question, choice: Choice) -> Answer:
        """A draft with its verdict, which is asked for where the model did not come to it by itself."""
        tokens = self._tokens(choice)
        place = verdict(tokens)
        if place is not None:
            return Answer(index, _read(tokens[place], question), place, up_to_cue(choice.text))
        if not self._requests.can_continue:
            return Answer(index, None, len(tokens), choice.text)
        text = up_to_cue(choice.text)
        return Answer(index, _read(await self._next_token(prefix, question.text, text), question), len(tokens), text)

    async def _next_token(self, prefix: RenderedPrefix, question: str, said: str = "") -> Token | None:
        """What may come after the question, or after what is already said; None where the answer ends there."""
        reply = await self._complete(prefix, self._requests.verdict(prefix, question, said))
        return next(iter(self._tokens(reply.choices[0])), None)

    def _tokens(self, choice: Choice) -> Sequence[Token]:
        tokens = choice.tokens
        if tokens is None or not all(token.top_logprobs for token in tokens):
            raise without_logprobs(self._server)
        return tokens

    async def _complete(self, prefix: RenderedPrefix, body: bytes) -> Reply:
        response = await self._client.post("chat/completions", body)
        try:
            reply = Reply.model_validate_json(response.content)
        except ValidationError as error:
            raise unreadable(self._server, response) from error
        prefix.tokens = reply.usage.prompt_tokens
        return reply


def alike(questions: Sequence[Question], most: int) -> list[Asked]:
    """Questions that share a request, as they differ only in which answers count or in their seeds."""
    groups: dict[Hashable, list[tuple[int, Question]]] = defaultdict(list)
    seen: Counter[Hashable] = Counter()
    for index, question in enumerate(questions):
        said = question.text, question.reasoning, question.temperature, question.max_tokens
        groups[said, seen[said] // _sharing(question, most)].append((index, question))
        seen[said] += 1
    return list(groups.values())


def _sharing(question: Question, most: int) -> int:
    """How many questions in the same words one request can answer. vLLM gives one sample where nothing is left to
    chance."""
    if question.reasoning is Reasoning.NONE:
        return sys.maxsize
    return most if question.temperature else 1


async def as_they_finish(work: Iterable[Coroutine[Any, Any, Result]]) -> AsyncGenerator[Result, None]:
    """Results in the order they come; closing it, or the first failure, cancels the rest."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        for task in asyncio.as_completed(tasks):
            yield await task
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _read(token: Token | None, question: Question) -> float | None:
    return p_ng(token, question.ng_words, question.ok_words) if token else None


def _key(card: ModelCard, server: Server) -> str | None:
    """The key itself, from the variable that the card names."""
    if server.api_key_variable is None:
        return None
    key = os.environ.get(server.api_key_variable, "").strip()
    if not key.isascii() or not key:
        raise ModelError(
            f"model {card.name}: the variable {server.api_key_variable} holds no key; "
            "set it where the service runs, or remove server.api_key_variable from the card"
        )
    return key


def _own(prefix: Prefix) -> RenderedPrefix:
    if not isinstance(prefix, RenderedPrefix):
        raise ModelError(f"{type(prefix).__name__} was opened by another engine")
    if prefix.closed:
        raise ModelError("the prefix is closed; open the pictures again")
    return prefix
