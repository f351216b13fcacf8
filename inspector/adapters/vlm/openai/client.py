"""Posts requests to an OpenAI-compatible server, with retries while it is unreachable or busy, within the card's
limits and the time that the part has left.

Cancelling a call closes its connection at once, which tells the server to stop. Knows HTTP; nothing of pictures or
verdicts.
"""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from inspector.adapters.vlm.openai.errors import BUSY_STATUSES, refusal_error, too_large, too_slow, unreachable
from inspector.domain.model_card import Server
from inspector.errors import ModelError
from inspector.runtime.log_context import answer_due_s

FIRST_PAUSE_S: Final = 0.05  # doubled for every further attempt
KEPT_CONNECTIONS: Final = 64
KEEPALIVE_EXPIRY_S: Final = 4.0  # uvicorn, which most of these servers use, closes idle connections after 5 s
MAX_RESPONSE_BYTES: Final = 32 * 2**20  # 16 samples of 512 tokens with 20 log probabilities each take about 12 MiB
PLAIN_BODIES: Final = {"Accept-Encoding": "identity"}  # a small compressed body may hide a huge one


class ServerClient:
    """One server. Safe for many parts at once, from one event loop."""

    def __init__(self, server: Server, headers: dict[str, str]) -> None:
        self._server = server
        self._http = httpx.AsyncClient(
            headers=headers | PLAIN_BODIES,
            timeout=httpx.Timeout(None, connect=server.connect_timeout_s),
            limits=httpx.Limits(max_keepalive_connections=KEPT_CONNECTIONS, keepalive_expiry=KEEPALIVE_EXPIRY_S),
        )

    async def post(self, path: str, body: bytes) -> httpx.Response:
        """Post a request. Raises ServerError if the server can't be used, ModelError if it refuses this request."""
        try:
            async with asyncio.timeout(self._server.timeout_s) as limit:
                return await self._insist(path, body, min(limit.when() or 0.0, answer_due_s() or math.inf))
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
        response = await self._exchange(path, body)
        if response.status_code in BUSY_STATUSES:
            raise TransientError(
                refusal_error(self._server, response), retry_after_s(response.headers.get("retry-after", ""))
            )
        if not response.is_success:
            raise refusal_error(self._server, response)
        return response

    async def _exchange(self, path: str, body: bytes) -> httpx.Response:
        try:
            return await exchange(
                self._http, self._server, "POST", f"{self._server.base_url}/{path}", MAX_RESPONSE_BYTES, body
            )
        except httpx.HTTPError as error:
            raise TransientError(unreachable(self._server, error)) from error


async def exchange(
    http: httpx.AsyncClient, server: Server, method: str, url: str, most_bytes: int, body: bytes | None = None
) -> httpx.Response:
    """Return a response with its whole body. Raises ServerError for a body above the limit, and httpx.HTTPError."""
    chunks, size = list[bytes](), 0
    async with http.stream(method, url, content=body) as response:
        async for chunk in response.aiter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if size > most_bytes:
                raise too_large(server, most_bytes)
    return httpx.Response(
        response.status_code,
        headers=[each for each in response.headers.multi_items() if each[0].lower() != "content-encoding"],
        content=b"".join(chunks),
        request=response.request,
        extensions=_reason_of(response),
    )


def _reason_of(response: httpx.Response) -> dict[str, Any]:
    return {key: value for key, value in response.extensions.items() if key == "reason_phrase"}


class TransientError(Exception):
    """An error that may pass. `pause_s` is how long the server asks us to wait; None if it does not say."""

    def __init__(self, fault: ModelError, pause_s: float | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.pause_s = pause_s


def retry_after_s(header: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or a date; None for neither."""
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not math.isnan(seconds):
        return max(0.0, seconds)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # not a date, or one without a time zone
        return None
