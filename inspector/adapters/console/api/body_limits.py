"""How large a request's body may be: what is larger is refused before anything reads it, or looks at who sends it."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inspector.adapters.console.api.problems import ProblemType, problem_details, problem_response
from inspector.adapters.console.api.request_login import is_open

MIB: Final = 1024 * 1024
MAX_OPEN_BYTES: Final = 16 * 1024  # of a request that needs no login
MAX_BYTES: Final = 8 * MIB  # a thousand reviews with boxes and notes
MAX_PICTURES_BYTES: Final = 128 * MIB  # two of the largest pictures in base64, or many usual ones
MAX_DIGITS: Final = 20  # of a Content-Length that are looked at; so many are too large whatever follows
PICTURE_PATHS: Final = ("/golden-samples", "/challenge-parts", "/test-shots")


class BodyLimits:
    """ASGI middleware: refuses a body by its Content-Length, and one without that once too many bytes have come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = body_limit(scope["path"], scope["method"])
        length = HTTPConnection(scope).headers.get("content-length", "")
        if length.isdecimal() and int(length.lstrip("0")[:MAX_DIGITS] or "0") > limit:
            details = problem_details(ProblemType.TOO_LARGE, _refusal(limit))
            await problem_response(details, {"Connection": "close"})(scope, receive, send)
        else:
            await self._app(scope, _CountedBody(receive, limit).receive, send)


def body_limit(path: str, method: str) -> int:
    """Return the greatest number of bytes that this address takes."""
    if is_open(path, method):
        return MAX_OPEN_BYTES
    return MAX_PICTURES_BYTES if path.endswith(PICTURE_PATHS) else MAX_BYTES


class _CountedBody:
    """The body of one request, counted as it comes."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = self._limit = limit

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, _refusal(self._limit), {"Connection": "close"})
        return message


def _refusal(limit: int) -> str:
    shown = f"{limit // MIB} MiB" if limit >= MIB else f"{limit // 1024} KiB"
    return f"the body is larger than {shown}, the most that this address takes; send less at a time"
