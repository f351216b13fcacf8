"""Turns every error of an OpenAI-compatible server into a ModelError with its remedy.

Knows httpx's errors and the messages of the usual servers.
"""

from __future__ import annotations

import re
from typing import Any, Final

import httpx
from pydantic import ValidationError

from inspector.domain.model_card import Server
from inspector.errors import ModelError, ServerBusy, ServerError
from inspector.text import one_line, shortened

NO_LOGPROBS: Final = (
    "the verdict is read from them: use a server that gives top_logprobs with chat completions "
    "(vLLM: --max-logprobs 20 or more; llama.cpp and SGLang give them as they are)"
)
REMEDY_OF_STATUS: Final = {
    401: "put the server's key in the variable that server.api_key_variable names in the model card",
    403: "put a key with the right to use this model in the variable that server.api_key_variable names",
    404: "end server.base_url with /v1, and name in server.model what the server lists under /v1/models",
    413: "raise the server's limit for a request, or lower pixels.max in the model card",
    429: "give the server more replicas, or lower max_ongoing_requests in the model card",
    503: "wait until it has loaded its model, or give it more replicas",
}
REMEDY_OF_WORDS: Final = (  # the first whose words are in the server's message
    (r"logprob", NO_LOGPROBS),
    (r"'n'|`n`|\bn (must|should|is)\b", "lower server.max_n in the model card"),
    (
        r"context|max(imum)?[ _]model[ _]len|too many tokens|prompt .*too long",
        "give the server a longer context (vLLM: --max-model-len, llama.cpp: --ctx-size), or lower pixels.max",
    ),
    (
        r"prefill|continue_final|assistant|response_format|grammar|schema",
        "write another server.answers_begin in the model card: prefill, schema or plain",
    ),
    (
        r"image|picture|multi-?modal|mmproj|vision|media",
        "serve a model that sees pictures (llama.cpp: --mmproj), and allow as many as the line shows at once "
        "(vLLM: --limit-mm-per-prompt)",
    ),
    (r"extra|unknown|unrecognized|unexpected|unsupported|permitted", "leave that out of server.extra"),
    (r"model", REMEDY_OF_STATUS[404]),
)
MAX_READ_CHARACTERS: Final = 2_000  # of a server's text
BUSY_STATUSES: Final = frozenset({429, 503})
DEFAULT_REMEDY: Final = "see the server's log"


REQUEST_STATUSES: Final = frozenset({400, 405, 409, 413, 415, 418, 422})  # refusals of one request, not of everybody


def unreachable(server: Server, error: httpx.HTTPError) -> ServerError:
    cause = shortened(one_line(str(error) or type(error).__name__), 200)
    return ServerError(
        f"{server.base_url} can't be reached ({cause}); start the server, or correct server.base_url in the model card"
    )


def too_large(server: Server, most_bytes: int) -> ServerError:
    return ServerError(
        f"{server.base_url} sent an answer of more than {most_bytes // 2**20} MiB; correct server.base_url, or see the "
        "server's log"
    )


def too_slow(server: Server) -> ServerError:
    return ServerError(
        f"{server.base_url} gave no answer within {server.timeout_s:g} s; "
        "see whether it is overloaded, or raise server.timeout_s in the model card"
    )


def refusal_error(server: Server, response: httpx.Response) -> ModelError:
    """Build a ModelError from the server's own words and our remedy."""
    status, said = response.status_code, message(response)
    if response.is_redirect:
        place = shortened(one_line(response.headers["location"]), 200)
        return ServerError(f"{server.base_url} redirects to {place} ({status}); write that address in server.base_url")
    text = f"{server.base_url} refused with {status}: {said}; {_remedy(status, said)}"
    return _class_of(status)(text)


def _class_of(status: int) -> type[ModelError]:
    if status in BUSY_STATUSES:
        return ServerBusy
    return ModelError if status in REQUEST_STATUSES else ServerError


def unreadable(server: Server, response: httpx.Response) -> ServerError:
    said = shortened(_safe(response, response.text), 120)
    return ServerError(f"{server.base_url} answers what is no chat completion ({said!r}); {REMEDY_OF_STATUS[404]}")


def invalid_answer(server: Server, response: httpx.Response, error: ValidationError) -> ServerError:
    """Build the error for an answer that is no chat completion, or has nonsense for log probabilities."""
    nonsense = next((each for each in error.errors() if {"logprob", "top_logprobs"} & {*each["loc"][-1:]}), None)
    if nonsense is None:
        return unreadable(server, response)
    found = shortened(_safe(response, f"{nonsense['msg']}, it is {nonsense['input']!r}"), 120)
    return ServerError(f"{server.base_url} sent log probabilities that are none ({found}); see the server's log")


def without_logprobs(server: Server) -> ServerError:
    return ServerError(f"{server.base_url} sent no logprobs; {NO_LOGPROBS}")


def message(response: httpx.Response) -> str:
    """Return the server's error message, wherever the response has it."""
    try:
        found = _told(response.json())
    except (ValueError, RecursionError):
        found = response.text
    return shortened(" ".join(_safe(response, found).split()), 300) or response.reason_phrase or "nothing said"


def _safe(response: httpx.Response, text: str) -> str:
    """Return the start of a server's text in visible characters, without the key that it may repeat."""
    _, _, key = response.request.headers.get("authorization", "").rpartition(" ")
    whole = " ".join(text[:MAX_READ_CHARACTERS].split())
    return one_line(whole.replace(key, "***") if key else whole)


def _told(body: Any) -> str:
    while isinstance(body, dict):
        body = next((body[key] for key in ("error", "message", "detail") if body.get(key)), str(body))
    return str(body)


def _remedy(status: int, said: str) -> str:
    if status in REMEDY_OF_STATUS:
        return REMEDY_OF_STATUS[status]
    return next((remedy for words, remedy in REMEDY_OF_WORDS if re.search(words, said, re.IGNORECASE)), DEFAULT_REMEDY)
