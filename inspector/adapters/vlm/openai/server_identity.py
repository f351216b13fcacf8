"""Who answers at the other end: what a server says about its model and itself becomes the fingerprint. Knows where
vLLM, SGLang and llama.cpp say it. No server tells a hash of its weights: that they changed under the same name, the
card must say (`revision`)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from typing import Any, Final

import httpx

from inspector.adapters.vlm.fingerprint import wording
from inspector.adapters.vlm.openai.errors import refused, unreachable, unreadable
from inspector.domain.model_card import ModelCard, Server
from inspector.errors import ModelError

REQUESTS: Final = "openai/1"  # part of the fingerprint: change it whenever the same question would be sent otherwise
RECHECK_S: Final = 30.0
SCORED: Final = {"engine", "checkpoint", "revision", "dtype", "pixels", "zoom_pixels"}
OF_THE_MOMENT: Final = {"created", "permission"}  # other ones at every start, or at every call
VERSIONS: Final = {"version": "version", "props": "build_info", "server_info": "version", "get_server_info": "version"}


class Peer:
    """The server as it last described itself. It may be started again with another model while we run: it is asked
    again from time to time, and the fingerprint follows."""

    def __init__(self, card: ModelCard, server: Server, headers: dict[str, str]) -> None:
        """Raises ModelError when the server can't be reached, or does not serve the card's model."""
        self._card, self._server = card, server
        self._http = httpx.Client(headers=headers, timeout=server.connect_timeout_s)
        self._due = time.monotonic() + RECHECK_S
        try:
            self._fingerprint = self._look()
        except httpx.HTTPStatusError as error:
            raise refused(server, error.response) from error
        except httpx.TransportError as error:
            raise unreachable(server, error) from error

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    async def refresh(self) -> None:
        """Asks again when it is time to. Raises ModelError when the card's model is no longer served; that the server
        is away or busy, the request that follows will tell."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + RECHECK_S  # one part asks, the others don't wait for that
        try:
            self._fingerprint = await asyncio.to_thread(self._look)
        except ModelError:
            self._due = 0.0
            raise
        except httpx.HTTPError:
            pass

    def _look(self) -> str:
        told = [_model(self._http, self._server, self._card), _version(self._http, self._server)]
        return _fingerprint(self._card, self._server, told)


def served_name(card: ModelCard, server: Server) -> str:
    return server.model or card.checkpoint


def _model(http: httpx.Client, server: Server, card: ModelCard) -> dict[str, Any]:
    """The server's own description of the card's model."""
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
    return {key: value for key, value in served[wanted].items() if key not in OF_THE_MOMENT}


def _version(http: httpx.Client, server: Server) -> str:
    """Kind and version of the server, where it has a page that says so."""
    root = server.base_url.removesuffix("/v1")
    for page, key in VERSIONS.items():
        response = http.get(f"{root}/{page}")
        if response.is_success:
            with contextlib.suppress(ValueError, LookupError, TypeError):
                return f"{page} {response.json()[key]}"
    return ""


def _fingerprint(card: ModelCard, server: Server, told: list[Any]) -> str:
    ours = [card.model_dump(mode="json", include=SCORED), server.answers_begin, server.extra]
    hashed = json.dumps([REQUESTS, ours, wording(), told], sort_keys=True)
    return hashlib.sha256(hashed.encode()).hexdigest()[:16]
