"""One POST to a real HTTP server: its body, its signature, and what each answer means."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from support.fakes import NOON

from inspector.adapters.webhook.receiver import Delivery, WebhookReceiver, require_web_address
from inspector.errors import InspectorError
from inspector.ports.ledger import Event

EVENT = Event("e1", "pcb", "cam1", "FRAMES_LOST", "ALARM", "7 frames lost \udce9", NOON, 7)
SECRET = "0123456789abcdef"


@dataclass
class Server:
    """Answers each POST with the next status; the last one counts on."""

    statuses: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = server.statuses.pop(0) if len(server.statuses) > 1 else server.statuses[0]
                self.send_response(status)
                for name, value in {"Content-Length": "0", **server.headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    known = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), known.handler()) as running:
        known.url = f"http://127.0.0.1:{running.server_port}/hooks/secret-path"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield known
        running.shutdown()


def test_event_arrives_signed_as_the_document_of_mqtt(server: Server) -> None:
    assert WebhookReceiver(server.url, SECRET).post(EVENT).delivery is Delivery.DELIVERED
    [(headers, body)] = server.received
    signed = f"{headers['x-inspector-timestamp']}.".encode() + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["x-inspector-signature"] == f"sha256={expected}"
    assert headers["idempotency-key"] == "e1"
    document = json.loads(body)
    assert (document["kind"], document["severity"], document["count"], document["line"]) == (
        "FRAMES_LOST",
        "ALARM",
        7,
        "pcb",
    )
    assert document["schema"].startswith("inspector.event/")


def test_without_a_secret_nothing_is_signed(server: Server) -> None:
    WebhookReceiver(server.url).post(EVENT)
    assert not [name for name in server.received[0][0] if name.startswith("x-inspector")]


@pytest.mark.parametrize(
    ("status", "delivery"),
    [
        (200, Delivery.DELIVERED),
        (204, Delivery.DELIVERED),
        (302, Delivery.REFUSED),
        (400, Delivery.REFUSED),
        (404, Delivery.REFUSED),
        (408, Delivery.AWAY),
        (429, Delivery.AWAY),
        (500, Delivery.AWAY),
        (503, Delivery.AWAY),
    ],
)
def test_answers_mean_done_refused_or_again(server: Server, status: int, delivery: Delivery) -> None:
    server.statuses = [status]
    answer = WebhookReceiver(server.url).post(EVENT)
    assert answer.delivery is delivery
    assert answer.text == ("" if delivery is Delivery.DELIVERED else f"127.0.0.1 answers {status}")


def test_redirections_are_not_followed(server: Server) -> None:
    server.statuses, server.headers = [307], {"Location": "/elsewhere"}
    WebhookReceiver(server.url).post(EVENT)
    assert len(server.received) == 1


def test_receiver_that_is_away_is_named_without_the_path(server: Server) -> None:
    gone = WebhookReceiver("http://127.0.0.1:9/secret-path")
    answer = gone.post(EVENT)
    assert (answer.delivery, answer.text) == (Delivery.AWAY, "127.0.0.1 can't be reached: ConnectError")
    assert "secret-path" not in repr(gone)


@pytest.mark.parametrize(
    ("url", "objection"),
    [
        ("", "is no web address"),
        ("file:///etc/passwd", "is no web address"),
        ("ftp://plant/hook", "is no web address"),
        ("gopher://plant:70/1", "is no web address"),
        ("//plant/hook", "is no web address"),
        ("https://", "is no web address"),
        ("https://[::1", "is no web address"),
        ("https://plant:99999/hook", "is no web address"),
        ("https://ann:pw@plant/hook", "holds a user or a password"),
        ("https://plant/hook\r\nHost: evil", "is no web address|control characters"),
        ("https://plant/a b", "spaces or control characters"),
        ("http://169.254.169.254/latest/meta-data", "an address of the machine's network itself"),
        ("http://[::ffff:169.254.169.254]/", "an address of the machine's network itself"),
        ("http://0.0.0.0/", "an address of the machine's network itself"),
        ("http://224.0.0.1/", "an address of the machine's network itself"),
    ],
)
def test_only_web_addresses_are_receivers(url: str, objection: str) -> None:
    with pytest.raises(InspectorError, match=objection):
        require_web_address(url)
