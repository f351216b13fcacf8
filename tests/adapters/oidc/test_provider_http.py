"""An identity provider that answers what no provider should: each login gets one clear error, in bounded time."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import httpx
import pytest

from inspector.adapters.oidc.provider_http import MAX_ANSWER_BYTES, ProviderHttp
from inspector.ports.identity_provider import IdentityProviderError


@dataclass(frozen=True)
class ProviderAnswer:
    """`pieces` are sent with a pause between them."""

    pieces: tuple[bytes, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = 0.0


class Handler(BaseHTTPRequestHandler):
    answer: ProviderAnswer

    def do_GET(self) -> None:
        answer = self.answer
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for piece in answer.pieces:
                self.wfile.write(piece)
                time.sleep(answer.pause_s)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/token"
    server.shutdown()
    server.server_close()


HOSTILE: Final = {
    "a page": (ProviderAnswer((b"<html>hello</html>",)), "answers no JSON object"),
    "a list": (ProviderAnswer((b"[1]",)), "answers no JSON object"),
    "deep JSON": (ProviderAnswer((b"[" * 100_000,)), "answers no JSON object"),
    "no text": (ProviderAnswer((b"\xff\xfe{",)), "answers no JSON object"),
    "too much": (ProviderAnswer((b" " * (MAX_ANSWER_BYTES + 1),)), "answers more than"),
    "compressed unasked": (
        ProviderAnswer((gzip.compress(b"{}"),), headers={"Content-Encoding": "gzip"}), "answers no JSON object"
    ),
    "elsewhere": (ProviderAnswer((), 302, {"Location": "http://169.254.169.254/"}), "refuses"),
    "refusal": (ProviderAnswer((json.dumps({"error": ["x"] * 900}).encode(),), 400), "refuses"),
    "broken length": (ProviderAnswer((b"{}",), headers={"Content-Length": "-7"}), "can't be reached"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "said"), HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_provider_answers_is_one_error(
    address: str, answer: ProviderAnswer, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "answer", answer, raising=False)
    with httpx.Client() as client, pytest.raises(IdentityProviderError, match=said) as caught:
        ProviderHttp(client).get(address)
    assert len(str(caught.value)) < 700


def test_an_answer_that_never_ends_is_given_up(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, all of them do not."""
    monkeypatch.setattr(Handler, "answer", ProviderAnswer((b" ",) * 1000, pause_s=0.05), raising=False)
    monkeypatch.setattr("inspector.adapters.oidc.provider_http.TOTAL_TIMEOUT_S", 0.5)
    with httpx.Client() as client, pytest.raises(IdentityProviderError, match=r"more than 0\.5 s for one answer"):
        ProviderHttp(client).get(address)
