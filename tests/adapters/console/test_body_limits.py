"""A body that is too large is refused before it is read, parsed, or its sender is looked up."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from inspector.adapters.console.api.body_limits import (
    MAX_BYTES,
    MAX_OPEN_BYTES,
    MAX_PICTURES_BYTES,
    BodyLimits,
    body_limit,
)


class Reader:
    """An application that reads the whole body, and knows how much of it came."""

    def __init__(self) -> None:
        self.read = 0
        self.asked = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked = True
        while True:
            message = await receive()
            self.read += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def post(app: Any, path: str, content: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return await client.post(path, content=content, headers=headers or {})


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v1/session", MAX_OPEN_BYTES),
        ("/login", MAX_OPEN_BYTES),
        ("/api/v1/reviews:bulk", MAX_BYTES),
        ("/api/v1/lines/pcb/golden-samples", MAX_PICTURES_BYTES),
        ("/api/v1/cameras/pcb/cam1/test-shots", MAX_PICTURES_BYTES),
    ],
)
async def test_a_body_is_refused_by_its_length_before_anything_asks_for_it(path: str, limit: int) -> None:
    reader = Reader()
    answer = await post(BodyLimits(reader), path, b"", {"content-length": str(limit + 1)})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:inspector:problem:too-large")
    assert "the body is larger than" in answer.json()["detail"]
    assert not reader.asked
    assert body_limit(path, "POST") == limit
    await post(BodyLimits(reader), path, b"{}")
    assert reader.read == 2


@pytest.mark.parametrize("length", ["9" * 5000, "40000000", "00000000000000000000000000000000000000040000000"])
async def test_lengths_of_any_form_are_understood(length: str) -> None:
    reader = Reader()
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    scope = {"type": "http", "path": "/api/v1/drafts", "method": "POST"}
    await BodyLimits(reader)(scope | {"headers": [(b"content-length", length.encode())]}, receive, send)
    assert sent[0]["status"] == 413
    assert not reader.asked
