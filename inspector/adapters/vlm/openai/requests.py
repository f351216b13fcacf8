"""Bodies of chat completions that begin alike, pictures first and the question last.

The server's prefix cache then holds for every view of a part. Knows the JSON; sends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inspector.adapters.vlm.openai.images import data_url
from inspector.adapters.vlm.openai.server_identity import served_name
from inspector.domain.model_card import ModelCard, Server
from inspector.domain.prompts import P_TRUE_REQUEST, Question
from inspector.domain.report import WHOLE_FRAME, Box, JsonSchema
from inspector.ports.engine import Picture

LOGPROB_SETTINGS: Final = {"logprobs": True, "top_logprobs": 20}  # the most that servers return
CONTINUE_SETTINGS: Final = {"continue_final_message": True, "add_generation_prompt": False}
MAX_SEED: Final = 2**31  # the narrowest seed range of any server
Message = Mapping[str, str]


@dataclass(slots=True, eq=False)
class RenderedPrefix:
    """Pictures and preamble as JSON, built once: pictures are most of every request.

    `tokens` is the server's count including the question, 0 before its first answer; `window` is the shown part of the
    last picture, `scale` the side of its pixels there.
    """

    content: bytes
    preamble: str
    window: Box = WHOLE_FRAME
    scale: float = 1.0
    tokens: int = 0
    closed: bool = False


def render_prefix(pictures: Sequence[Picture], preamble: str, card: ModelCard) -> RenderedPrefix:
    """Render pictures and preamble. Raises PictureError for an unreadable picture."""
    shown = [data_url(picture, card) for picture in pictures]
    parts = ({"type": "image_url", "image_url": {"url": each.url}} for each in shown)
    return RenderedPrefix(b"".join(_json(part) + b"," for part in parts), preamble, shown[-1].window, shown[-1].scale)


class Requests:
    """Builds request bodies for one server's model."""

    def __init__(self, card: ModelCard, server: Server) -> None:
        self._always = {"model": served_name(card, server), **server.extra}
        self._begin = server.answers_begin

    @property
    def can_continue(self) -> bool:
        """Whether the server can continue an assistant message."""
        return self._begin == "prefill"

    def verdict(self, prefix: RenderedPrefix, question: str, said: str = "") -> bytes:
        """Read the next token after the question, or after what the assistant has `said`."""
        go_on = CONTINUE_SETTINGS if said else {}
        return self._body(
            prefix, question, {**LOGPROB_SETTINGS, "max_tokens": 1, "temperature": 0.0, **go_on}, _begun(said)
        )

    def p_true(self, prefix: RenderedPrefix, question: str, said: str) -> bytes:
        """Read the next token after the question whether what the assistant `said` is right."""
        doubt = [{"role": "assistant", "content": said}, {"role": "user", "content": P_TRUE_REQUEST}]
        return self._body(prefix, question, {**LOGPROB_SETTINGS, "max_tokens": 1, "temperature": 0.0}, doubt)

    def drafts(self, prefix: RenderedPrefix, question: Question, count: int) -> bytes:
        """Sample `count` answers; the i-th uses the seed plus i."""
        return self._body(prefix, question.text, {**_sampled(question), "n": count})

    def more(self, prefix: RenderedPrefix, question: Question, said: str, tokens: int) -> bytes:
        """Continue what the assistant has `said` in `tokens` tokens; further tokens are drawn after them."""
        return self._body(
            prefix, question.text, {**_sampled(question, tokens), "n": 1, **CONTINUE_SETTINGS}, _begun(said)
        )

    def words(
        self, prefix: RenderedPrefix, request: str, start: str, max_tokens: int, schema: JsonSchema | None
    ) -> bytes:
        """Write greedy text that begins with `start`, or follows `schema`, as far as the server supports it."""
        said = start if self.can_continue else ""
        shape = _shape(schema) if schema is not None and self._begin == "schema" else {}
        go_on = CONTINUE_SETTINGS if said else {}
        return self._body(
            prefix, request, {"max_tokens": max_tokens, "temperature": 0.0, **shape, **go_on}, _begun(said)
        )

    def _body(
        self, prefix: RenderedPrefix, text: str, settings: Mapping[str, object], later: Sequence[Message] = ()
    ) -> bytes:
        """Build a body. `later` are the turns after the question."""
        asked = _json({"type": "text", "text": prefix.preamble + text})
        said = b"".join(b"," + _json(message) for message in later)
        messages = b'[{"role":"user","content":[%s%s]}%s]' % (prefix.content, asked, said)
        written = _json({**self._always, **settings})
        return b'{"messages":%s,%s' % (messages, written[1:])


def _begun(said: str) -> Sequence[Message]:
    return [{"role": "assistant", "content": said}] if said else []


def _sampled(question: Question, tokens: int = 0) -> dict[str, object]:
    """Return how reasoning continues after `tokens` tokens, with one token more than it has left: its verdict."""
    left = max(question.max_tokens - tokens, 0)
    chance = {"seed": (question.seed + tokens) % MAX_SEED, "temperature": question.temperature, "top_p": 1.0}
    return {**LOGPROB_SETTINGS, **chance, "max_tokens": left + 1}


def _shape(schema: JsonSchema) -> dict[str, object]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
