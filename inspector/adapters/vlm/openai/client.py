"""Posts to one OpenAI-compatible server: again where it could not be reached or was too busy, and never longer than
the card allows. Knows HTTP; nothing of pictures or verdicts.

Cancelling a call closes its connection at once, by which servers notice that nobody waits for the answer any more.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from inspector.adapters.vlm.openai.errors import refused, too_slow, unreachable
from inspector.domain.model_card import Server
from inspector.errors import ModelError

BUSY: Final = frozenset({429, 503})
FIRST_PAUSE_S: Final = 0.05  # doubled every time
KEPT_CONNECTIONS: Final = 64
KEPT_S: Final = 4.0  # uvicorn, under most of these servers, hangs up on an idle connection after 5 s


class Client:
    """One server. Safe to call for many parts at once, from one event loop."""

    def __init__(self, server: Server, headers: dict[str, str]) -> None:
        self._server = server
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(None, connect=server.connect_timeout_s),
            limits=httpx.Limits(max_keepalive_connections=KEPT_CONNECTIONS, keepalive_expiry=KEPT_S),
        )

    async def post(self, path: str, body: bytes) -> httpx.Response:
        """Raises ModelError when the server can't be reached, refuses, or takes too long."""
        try:
            async with asyncio.timeout(self._server.timeout_s) as limit:
                return await self._insist(path, body, limit.when() or 0.0)
        except TimeoutError as error:
            raise too_slow(self._server) from error

    async def _insist(self, path: str, body: bytes, ends_at: float) -> httpx.Response:
        attempt = 0
        while True:
            try:
                return await self._once(path, body)
            except Passing as passing:
                pause_s = FIRST_PAUSE_S * 2**attempt if passing.pause_s is None else passing.pause_s
                if attempt == self._server.retries or asyncio.get_running_loop().time() + pause_s >= ends_at:
                    raise passing.fault from passing.__cause__
            await asyncio.sleep(pause_s)
            attempt += 1

    async def _once(self, path: str, body: bytes) -> httpx.Response:
        """Raises ModelError, or Passing where another attempt may do better."""
        try:
            response = await self._http.post(f"{self._server.base_url}/{path}", content=body)
        except httpx.TransportError as error:
            raise Passing(unreachable(self._server, error)) from error
        if response.status_code in BUSY:
            raise Passing(refused(self._server, response), retry_after_s(response.headers.get("retry-after", "")))
        if not response.is_success:
            raise refused(self._server, response)
        return response


class Passing(Exception):
    """A fault that may pass. `pause_s` is how long the server asks us to wait; None where it does not say."""

    def __init__(self, fault: ModelError, pause_s: float | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.pause_s = pause_s


def retry_after_s(header: str) -> float | None:
    """Seconds to wait as a Retry-After header asks: a number or a date. None where it asks nothing."""
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a time zone
        return None
