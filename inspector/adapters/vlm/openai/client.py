"""Posts requests to an OpenAI-compatible server, with retries while it is unreachable or busy, within the card's
limits.

Cancelling a call closes its connection at once, which tells the server to stop. Knows HTTP; nothing of pictures or
verdicts.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from inspector.adapters.vlm.openai.errors import refusal_error, too_slow, unreachable
from inspector.domain.model_card import Server
from inspector.errors import ModelError

BUSY_STATUSES: Final = frozenset({429, 503})
FIRST_PAUSE_S: Final = 0.05  # doubled for every further attempt
KEPT_CONNECTIONS: Final = 64
KEEPALIVE_EXPIRY_S: Final = 4.0  # uvicorn, which most of these servers use, closes idle connections after 5 s


class ServerClient:
    """One server. Safe for many parts at once, from one event loop."""

    def __init__(self, server: Server, headers: dict[str, str]) -> None:
        self._server = server
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(None, connect=server.connect_timeout_s),
            limits=httpx.Limits(max_keepalive_connections=KEPT_CONNECTIONS, keepalive_expiry=KEEPALIVE_EXPIRY_S),
        )

    async def post(self, path: str, body: bytes) -> httpx.Response:
        """Post a request. Raises ModelError if the server can't be reached, refuses, or takes too long."""
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
            except TransientError as passing:
                pause_s = FIRST_PAUSE_S * 2**attempt if passing.pause_s is None else passing.pause_s
                if attempt == self._server.retries or asyncio.get_running_loop().time() + pause_s >= ends_at:
                    raise passing.fault from passing.__cause__
            await asyncio.sleep(pause_s)
            attempt += 1

    async def _once(self, path: str, body: bytes) -> httpx.Response:
        """Post once. Raises ModelError, or TransientError where another attempt may succeed."""
        try:
            response = await self._http.post(f"{self._server.base_url}/{path}", content=body)
        except httpx.TransportError as error:
            raise TransientError(unreachable(self._server, error)) from error
        if response.status_code in BUSY_STATUSES:
            raise TransientError(
                refusal_error(self._server, response), retry_after_s(response.headers.get("retry-after", ""))
            )
        if not response.is_success:
            raise refusal_error(self._server, response)
        return response


class TransientError(Exception):
    """An error that may pass. `pause_s` is how long the server asks us to wait; None if it does not say."""

    def __init__(self, fault: ModelError, pause_s: float | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.pause_s = pause_s


def retry_after_s(header: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or a date; None for neither."""
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # not a date, or one without a time zone
        return None
