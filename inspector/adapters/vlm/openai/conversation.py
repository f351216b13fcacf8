"""Conversations with a server: which questions share a request, how reasoning is extended, how verdicts are read.

Knows the steps; neither their JSON nor HTTP.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Coroutine, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from inspector.adapters.vlm.openai.client import ServerClient
from inspector.adapters.vlm.openai.errors import invalid_answer, without_logprobs
from inspector.adapters.vlm.openai.requests import RenderedPrefix, Requests
from inspector.adapters.vlm.openai.responses import (
    Choice,
    Reply,
    Token,
    extended,
    read_token,
    thought,
    up_to_cue,
    verdict,
    with_start,
)
from inspector.adapters.vlm.verdict import UNREAD, Reading, leading_word
from inspector.domain.declared import Reasoning
from inspector.domain.model_card import Server
from inspector.domain.prompts import NO, YES, Question
from inspector.errors import ModelError
from inspector.ports.engine import Answer

Result = TypeVar("Result")
NumberedQuestions = Sequence[tuple[int, Question]]  # questions with their numbers
WAIT_TOKENS: Final = 2  # tokens of prompts.WAIT: no server counts given tokens separately


class ServerConversation:
    """Questions to one server's model."""

    def __init__(self, server: Server, client: ServerClient, requests: Requests) -> None:
        self._server, self._client, self._requests = server, client, requests

    async def answers(self, prefix: RenderedPrefix, asked: NumberedQuestions) -> list[Answer]:
        """Answer questions in the same words with one request and its follow-ups."""
        if any(question.min_tokens for _, question in asked) and not self._requests.can_continue:
            raise ModelError(
                f"{self._server.base_url} can't go on with a thought that ends too soon; set reasoning: cot in the "
                "pipeline, or server.answers_begin: prefill in the model card where the server can do that"
            )
        if any(question.begin or question.switch_penalty for _, question in asked):
            raise ModelError(
                f"{self._server.base_url} can't search among thoughts or hold one back; ask beam and cot-tip of a card "
                "with engine: transformers"
            )
        thinks = asked[0][1].reasoning is not Reasoning.NONE
        given = await (self._drafts(prefix, asked) if thinks else self._read_at_once(prefix, asked))
        by_number = dict(asked)
        doubted = (self._doubted(prefix, by_number[answer.index], answer) for answer in given)
        return [answer async for answer in as_they_finish(doubted)]

    async def complete(self, prefix: RenderedPrefix, body: bytes) -> Reply:
        response = await self._client.post("chat/completions", body)
        try:
            reply = Reply.model_validate_json(response.content)
        except ValidationError as error:
            raise invalid_answer(self._server, response, error) from error
        prefix.tokens = reply.usage.prompt_tokens
        return reply

    async def _read_at_once(self, prefix: RenderedPrefix, asked: NumberedQuestions) -> list[Answer]:
        token = await self._next_token(prefix, self._requests.verdict(prefix, asked[0][1].text))
        text = token.token if token else ""
        return [_answer(index, _read(token, question), 1, text) for index, question in asked]

    async def _drafts(self, prefix: RenderedPrefix, asked: NumberedQuestions) -> list[Answer]:
        reply = await self.complete(prefix, self._requests.drafts(prefix, asked[0][1], len(asked)))
        given = [self._drafted(prefix, *each, choice) for each, choice in zip(asked, reply.choices, strict=False)]
        answers = [answer async for answer in as_they_finish(given)]
        left = asked[len(given) :]  # a server without `n` returns one answer
        return answers + (await self._drafts(prefix, left) if left else [])

    async def _drafted(self, prefix: RenderedPrefix, index: int, question: Question, choice: Choice) -> Answer:
        """Return a draft with its verdict, which is requested if the model did not write it."""
        text, tokens, spent = choice.text, self._tokens(choice), 0
        while spent + thought(tokens) < question.min_tokens:
            spent, said = spent + thought(tokens) + WAIT_TOKENS, extended(text)
            reply = await self.complete(prefix, self._requests.more(prefix, question, said, spent))
            text, tokens = with_start(reply.choices[0].text, said), self._tokens(reply.choices[0])
        place = verdict(tokens)
        if place is not None:
            return _answer(index, _read(tokens[place], question), spent + place, up_to_cue(text))
        if not self._requests.can_continue:
            return _answer(index, UNREAD, len(tokens), text)
        said = up_to_cue(text)
        token = await self._next_token(prefix, self._requests.verdict(prefix, question.text, said))
        return _answer(index, _read(token, question), spent + len(tokens), said)

    async def _doubted(self, prefix: RenderedPrefix, question: Question, answer: Answer) -> Answer:
        """Return the answer with the model's probability that it is right, if the question asks for it."""
        if answer.p_ng is None or not question.asks_p_true:
            return answer
        word = leading_word(answer.p_ng, question)
        said = word if question.reasoning is Reasoning.NONE else f"{answer.text} {word}"
        token = await self._next_token(prefix, self._requests.p_true(prefix, question.text, said))
        return replace(answer, tokens=answer.tokens + 1, p_true=read_token(token, YES, NO).p_true if token else None)

    async def _next_token(self, prefix: RenderedPrefix, body: bytes) -> Token | None:
        """Return what may come next; None if the answer ends there."""
        reply = await self.complete(prefix, body)
        return next(iter(self._tokens(reply.choices[0])), None)

    def _tokens(self, choice: Choice) -> Sequence[Token]:
        tokens = choice.tokens
        if tokens is None or not all(token.top_logprobs for token in tokens):
            raise without_logprobs(self._server)
        return tokens


def shared_requests(questions: Sequence[Question], most: int) -> list[NumberedQuestions]:
    """Group questions that can share a request: they differ in counted answers or seeds only."""
    groups: dict[Hashable, list[tuple[int, Question]]] = defaultdict(list)
    seen: Counter[Hashable] = Counter()
    for index, question in enumerate(questions):
        said = question.text, question.reasoning, question.temperature, question.max_tokens, question.min_tokens
        groups[said, seen[said] // _sharing(question, most)].append((index, question))
        seen[said] += 1
    return list(groups.values())


def _sharing(question: Question, most: int) -> int:
    """Return how many questions in the same words one request can answer. vLLM returns one sample at temperature 0."""
    if question.reasoning is Reasoning.NONE:
        return sys.maxsize
    return most if question.temperature else 1


async def as_they_finish(work: Iterable[Coroutine[Any, Any, Result]]) -> AsyncGenerator[Result, None]:
    """Yield results as they arrive. Closing the generator, or the first failure, cancels the rest."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        for task in asyncio.as_completed(tasks):
            yield await task
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _read(token: Token | None, question: Question) -> Reading:
    return read_token(token, question.ng_words, question.ok_words) if token else UNREAD


def _answer(index: int, reading: Reading, tokens: int, text: str) -> Answer:
    return Answer(index, reading.p_ng, tokens, text, readable=reading.readable)
