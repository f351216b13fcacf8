"""A real HTTP server that answers chat completions as a test tells it to: what no real model server does on demand
(hang up, hang, be busy, leave something out) and what one sent, to be looked at."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]
PIECE_BYTES = 2**16
RESET = -1
Script = Callable[[Body], "Canned | None"]  # None: keeps the caller waiting


@dataclass(frozen=True)
class Canned:
    """One answer. Status 0 hangs up without any; -1 resets the connection inside the headers. `body_size` bytes of
    blanks follow the body, in pieces with `pause_s` between them."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body_size: int = 0
    pause_s: float = 0.0


def choice(*tokens: str | Mapping[str, float], text: str | None = None, logprobs: bool = True) -> Body:
    """One choice. A token is given as what was said, or as the shares of what could have been, the first one said."""
    shares = [dict(token) if isinstance(token, Mapping) else {token: 0.99} for token in tokens]
    said = "".join(next(iter(each)) for each in shares)
    content = [
        {
            "token": next(iter(each)),
            "logprob": math.log(next(iter(each.values()))),
            "top_logprobs": [{"token": token, "logprob": math.log(share)} for token, share in each.items()],
        }
        for each in shares
    ]
    return {
        "index": 0,
        "message": {"role": "assistant", "content": said if text is None else text},
        "logprobs": {"content": content} if logprobs else None,
        "finish_reason": "stop",
    }


def completion(*choices: Body) -> Canned:
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
    return Canned({"object": "chat.completion", "model": "tiny", "choices": list(choices), "usage": usage})


def refusal(status: int, message: str, **headers: str) -> Canned:
    return Canned({"error": {"message": message, "code": status}}, status, headers)


YES = completion(choice({"Yes": 0.9, "No": 0.1}))


@dataclass
class ChatServer:
    """`pages` answer GET; `script` answers chat completions. `asked` are the bodies that came; `key` the last
    Authorization header; `left` counts the callers who hung up while they were kept waiting."""

    script: Script
    pages: dict[str, Canned] = field(
        default_factory=lambda: {
            "/v1/models": Canned({"object": "list", "data": [{"id": "tiny", "created": 1, "root": "/models/tiny"}]}),
            "/version": Canned({"version": "1.0"}),
        }
    )
    url: str = ""
    asked: list[Body] = field(default_factory=list)
    key: str = ""
    left: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the caller is done
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.key = _header(head, "authorization")
        content = await reader.readexactly(int(_header(head, "content-length") or 0))
        method, path, _ = head.split(maxsplit=2)
        answer = self._answer(path, content) if method == "POST" else self.pages.get(path, Canned("no page", 404))
        if answer is None:
            await reader.read()
            self.left.release()
            return False
        if answer.status == RESET:
            writer.write(b"HTTP/1.1 200 Told\r\nContent-")
            writer.transport.abort()
        elif answer.status:
            writer.write(_written(answer))
            await self._fill(writer, answer)
        return answer.status > 0

    async def _fill(self, writer: asyncio.StreamWriter, answer: Canned) -> None:
        for _ in range(0, answer.body_size, PIECE_BYTES):
            await asyncio.sleep(answer.pause_s)
            writer.write(b" " * PIECE_BYTES)
            await writer.drain()
        await writer.drain()

    def _answer(self, path: str, content: bytes) -> Canned | None:
        if path != "/v1/chat/completions":
            return Canned("no page", 404)
        self.asked.append(json.loads(content))
        return self.script(self.asked[-1])


@asynccontextmanager
async def chat_server(script: Script = lambda _: YES) -> AsyncIterator[ChatServer]:
    server = ChatServer(script)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, limit=2**24)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listening.close()


def in_turn(*answers: Canned | None) -> Script:
    """A script of one answer after the other."""
    left = iter(answers)
    return lambda _: next(left)


def _header(head: str, name: str) -> str:
    found = re.search(rf"^{name}: *(.*?)\r?$", head, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else ""


def _written(answer: Canned) -> bytes:
    content = answer.body.encode() if isinstance(answer.body, str) else json.dumps(answer.body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": len(content) + answer.body_size, **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} Told", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + content
