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
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx

from inspector.adapters.vlm.fingerprint import wording
from inspector.adapters.vlm.openai.client import PLAIN_BODIES, exchange
from inspector.adapters.vlm.openai.errors import refusal_error, unreachable, unreadable
from inspector.domain.model_card import ModelCard, Server
from inspector.errors import ModelError, ServerError
from inspector.text import one_line, shortened

REQUEST_VERSION: Final = "openai/2"  # part of the fingerprint: increase it when the same question is sent differently
RECHECK_S: Final = 30.0
LOOKS: Final = 2  # times connect_timeout_s that a server may take to describe itself
MAX_PAGE_BYTES: Final = 4 * 2**20
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
        """Ask the server. Raises ModelError if it does not serve the card's model. It may be away."""
        self._card, self._server = card, server
        self._headers = headers | PLAIN_BODIES
        self._due = 0.0
        self._fingerprint = ""
        self._silence = ServerError(f"{server.base_url} has not been asked yet")
        with contextlib.suppress(ServerError), ThreadPoolExecutor(1) as apart:  # the caller may be in an event loop
            apart.submit(asyncio.run, self._renew()).result()

    @property
    def fingerprint(self) -> str:
        """Raises ServerError while the server has never described itself."""
        if not self._fingerprint:
            raise self._silence
        return self._fingerprint

    async def refresh(self) -> None:
        """Ask again when it is due. Raises ServerError if the card's model is not served.

        If a known server is away or busy, the request that follows reports that.
        """
        if time.monotonic() < self._due:
            return
        try:
            await self._renew()
        except ServerError:
            if not self._fingerprint:
                raise
        except ModelError as error:
            raise ServerError(str(error)) from error

    async def _renew(self) -> None:
        """Ask now. Raises ServerError where the server does not say, ModelError where it serves another model."""
        self._due = time.monotonic() + RECHECK_S  # one part asks; the others do not wait
        try:
            self._fingerprint = await self._look()
        except ServerError as error:
            self._silence = error
            self._due = self._due if self._fingerprint else 0.0
            raise
        except ModelError:
            self._due = 0.0
            raise

    async def _look(self) -> str:
        limit_s = LOOKS * self._server.connect_timeout_s
        try:
            async with asyncio.timeout(limit_s), httpx.AsyncClient(headers=self._headers, timeout=limit_s) as http:
                reported = [await _model(http, self._server, self._card), await _version(http, self._server)]
        except TimeoutError as error:
            raise ServerError(f"{self._server.base_url} did not describe itself within {limit_s:g} s") from error
        except httpx.HTTPError as error:
            raise unreachable(self._server, error) from error
        return _fingerprint(self._card, self._server, reported)


def served_name(card: ModelCard, server: Server) -> str:
    return server.model or card.checkpoint


async def _model(http: httpx.AsyncClient, server: Server, card: ModelCard) -> dict[str, Any]:
    """Return the server's description of the card's model."""
    response = await exchange(http, server, "GET", f"{server.base_url}/models", MAX_PAGE_BYTES)
    if not response.is_success:
        raise refusal_error(server, response)
    try:
        served = {str(entry["id"]): dict(entry) for entry in response.json()["data"]}
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise unreadable(server, response) from error
    wanted = served_name(card, server)
    if wanted not in served:
        raise ModelError(
            f"model {card.name}: {server.base_url} serves no {wanted!r} but {_listed(served)}; "
            "name one of these in server.model of the card, or start the server with this model"
        )
    return {key: value for key, value in served[wanted].items() if key not in VOLATILE_FIELDS}


def _listed(served: Iterable[str]) -> str:
    return shortened(one_line(", ".join(sorted(served))), 200) or "nothing"


async def _version(http: httpx.AsyncClient, server: Server) -> str:
    """Return the server's kind and version, where it has a page for them."""
    root = server.base_url.removesuffix("/v1")
    for page, key in VERSION_PAGES.items():
        response = await exchange(http, server, "GET", f"{root}/{page}", MAX_PAGE_BYTES)
        if response.is_success:
            with contextlib.suppress(ValueError, LookupError, TypeError, RecursionError):
                return f"{page} {response.json()[key]}"
    return ""


def _fingerprint(card: ModelCard, server: Server, reported: list[Any]) -> str:
    ours = [card.model_dump(mode="json", include=SCORED_FIELDS), server.answers_begin, server.extra]
    hashed = json.dumps([REQUEST_VERSION, ours, wording(), reported], sort_keys=True)
    return hashlib.sha256(hashed.encode()).hexdigest()[:16]
