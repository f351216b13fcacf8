"""Who answers at the other end: what the server says about its model and itself becomes the fingerprint. Knows what
vLLM, SGLang and llama.cpp tell; a server does not tell the hash of its weights, so the card must say what changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx

from inspector.errors import ModelError
from inspector.model_card import ModelCard, Server
from inspector.vlm.fingerprint import wording
from inspector.vlm.openai_faults import refused, unreachable, unreadable

REQUESTS: Final = "openai/1"  # part of the fingerprint: change it whenever the same question would be sent otherwise
RECHECK_S: Final = 15.0
SCORED: Final = {"engine": True, "checkpoint": True, "revision": True, "dtype": True, "pixels": True, "zoom_pixels": True}
OF_THE_MOMENT: Final = frozenset({"created", "permission"})  # other at every start, or at every call
VERSIONS: Final = {"version": "version", "props": "build_info", "server_info": "version", "get_server_info": "version"}


class Peer:
    """The server as it last described itself. It may be restarted with another model while we run: it is asked
    again from time to time, and the fingerprint follows it."""

    def __init__(self, card: ModelCard, server: Server, headers: dict[str, str]) -> None:
        """Raises ModelError where the server can't be reached or does not serve the card's model."""
        self._card, self._server, self._headers = card, server, headers
        self._look()

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    async def refresh(self) -> None:
        """Asks again when it is time. Raises ModelError as above."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + RECHECK_S  # one call asks, the others don't wait for it
            await asyncio.to_thread(self._look)

    def _look(self) -> None:
        with httpx.Client(headers=self._headers, timeout=self._server.connect_timeout_s) as http:
            told = {"model": _model(http, self._server, self._card), "version": _version(http, self._server)}
        self._fingerprint = fingerprint(self._card, self._server, told)
        self._due = time.monotonic() + RECHECK_S
