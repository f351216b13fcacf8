"""The fingerprint of a served model: what the server reports about its model and itself.

Knows where vLLM, SGLang and llama.cpp report it. No server reports a hash of its weights: the card's `revision` has to
change with them.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from typing import Any, Final

import httpx

from inspector.adapters.vlm.fingerprint import wording
from inspector.adapters.vlm.openai.errors import refusal_error, unreachable, unreadable
from inspector.domain.model_card import ModelCard, Server
from inspector.errors import ModelError

REQUEST_VERSION: Final = "openai/2"  # part of the fingerprint: increase it when the same question is sent differently
RECHECK_S: Final = 30.0
SCORED_FIELDS: Final = {"engine", "checkpoint", "revision", "dtype", "pixels", "zoom_pixels"}
VOLATILE_FIELDS: Final = {"created", "permission"}  # differ at every start, or at every call
VERSION_PAGES: Final = {
    "version": "version",
    "props": "build_info",
    "server_info": "version",
    "get_server_info": "version",
}


class ServerIdentity:
    """The server's latest description of itself.

    A server may restart with another model, so it is asked again from time to time, and the fingerprint follows.
    """

    def __init__(self, card: ModelCard, server: Server, headers: dict[str, str]) -> None:
        """Ask the server. Raises ModelError if it can't be reached, or does not serve the card's model."""
        self._card, self._server = card, server
        self._http = httpx.Client(headers=headers, timeout=server.connect_timeout_s)
        self._due = time.monotonic() + RECHECK_S
        try:
            self._fingerprint = self._look()
        except httpx.HTTPStatusError as error:
            raise refusal_error(server, error.response) from error
        except httpx.TransportError as error:
            raise unreachable(server, error) from error

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    async def refresh(self) -> None:
        """Ask again when it is due. Raises ModelError if the card's model is no longer served.

        If the server is away or busy, the request that follows reports that.
        """
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + RECHECK_S  # one part asks; the others do not wait
        try:
            self._fingerprint = await asyncio.to_thread(self._look)
        except ModelError:
            self._due = 0.0
            raise
        except httpx.HTTPError:
            pass

    def _look(self) -> str:
        reported = [_model(self._http, self._server, self._card), _version(self._http, self._server)]
        return _fingerprint(self._card, self._server, reported)


def served_name(card: ModelCard, server: Server) -> str:
    return server.model or card.checkpoint


def _model(http: httpx.Client, server: Server, card: ModelCard) -> dict[str, Any]:
    """Return the server's description of the card's model."""
    response = http.get(f"{server.base_url}/models").raise_for_status()
    try:
        served = {str(entry["id"]): dict(entry) for entry in response.json()["data"]}
    except (ValueError, LookupError, TypeError) as error:
        raise unreadable(server, response) from error
    wanted = served_name(card, server)
    if wanted not in served:
        raise ModelError(
            f"model {card.name}: {server.base_url} serves no {wanted!r} but {', '.join(sorted(served)) or 'nothing'}; "
            "name one of these in server.model of the card, or start the server with this model"
        )
    return {key: value for key, value in served[wanted].items() if key not in VOLATILE_FIELDS}


def _version(http: httpx.Client, server: Server) -> str:
    """Return the server's kind and version, where it has a page for them."""
    root = server.base_url.removesuffix("/v1")
    for page, key in VERSION_PAGES.items():
        response = http.get(f"{root}/{page}")
        if response.is_success:
            with contextlib.suppress(ValueError, LookupError, TypeError):
                return f"{page} {response.json()[key]}"
    return ""


def _fingerprint(card: ModelCard, server: Server, reported: list[Any]) -> str:
    ours = [card.model_dump(mode="json", include=SCORED_FIELDS), server.answers_begin, server.extra]
    hashed = json.dumps([REQUEST_VERSION, ours, wording(), reported], sort_keys=True)
    return hashlib.sha256(hashed.encode()).hexdigest()[:16]
