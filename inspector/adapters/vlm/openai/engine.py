"""`ports.Engine` on a server with OpenAI's chat completions: vLLM, SGLang, Ray Serve LLM, llama.cpp.

The server batches, caches the common prefix and shares its GPU. All questions of a part go out at once, and unneeded
requests are cancelled by closing their connections.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from inspector.adapters.vlm.openai.client import ServerClient
from inspector.adapters.vlm.openai.conversation import ServerConversation, as_they_finish, shared_requests
from inspector.adapters.vlm.openai.requests import RenderedPrefix, Requests, render_prefix
from inspector.adapters.vlm.openai.responses import with_start
from inspector.adapters.vlm.openai.server_identity import ServerIdentity
from inspector.domain.model_card import ModelCard, Server
from inspector.domain.prompts import Question
from inspector.domain.report import JsonSchema
from inspector.errors import ModelError
from inspector.ports.engine import Answer, GeneratedText, PatchMap, Picture, Prefix


class OpenAIEngine:
    """One model on one server."""

    def __init__(self, card: ModelCard, server: Server, key: str | None) -> None:
        """Connect. Raises ModelError if the server does not serve the model. It may be away: answers then raise."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._card, self._server = card, server
        self._peer = ServerIdentity(card, server, headers)
        self._requests = Requests(card, server)
        self._asking = ServerConversation(server, ServerClient(server, headers), self._requests)

    @classmethod
    def load(cls, card: ModelCard) -> OpenAIEngine:
        """Connect to the card's server. Raises ModelError with the remedy."""
        if card.server is None:
            raise ModelError(f"model {card.name}: engine openai needs `server` with a base_url")
        return cls(card, card.server, _key(card, card.server))

    @property
    def fingerprint(self) -> str:
        return self._peer.fingerprint

    async def open(self, pictures: Sequence[Picture], preamble: str) -> RenderedPrefix:
        return await asyncio.to_thread(render_prefix, pictures, preamble, self._card)

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        kept = _own(prefix)
        await self._peer.refresh()
        together = shared_requests(questions, self._server.max_n)
        async with aclosing(as_they_finish(self._asking.answers(kept, asked) for asked in together)) as finished:
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
    ) -> GeneratedText:
        kept = _own(prefix)
        reply = await self._asking.complete(kept, self._requests.words(kept, request, start, max_tokens, schema))
        return GeneratedText(with_start(reply.choices[0].text, start), reply.usage.completion_tokens)

    async def features(self, prefix: Prefix) -> PatchMap:  # noqa: ARG002
        raise ModelError(
            f"{self._server.base_url} shows no patches of its pictures; take second_opinion and quality.max_unlike out "
            "of the pipeline, or run the model with engine: transformers"
        )

    async def close(self, prefix: Prefix) -> None:
        if isinstance(prefix, RenderedPrefix):
            prefix.content, prefix.closed = b"", True


def _key(card: ModelCard, server: Server) -> str | None:
    """Return the key from the variable that the card names."""
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
