"""One POST to a real HTTP server: its body, its signature, and what each answer means."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.fakes import NOON

from inspector.adapters.webhook import addresses
from inspector.adapters.webhook.receiver import Delivery, WebhookReceiver, require_web_address
from inspector.errors import InspectorError
from inspector.ports.ledger import Event
from inspector.utc import utc_now

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
        ("http://2852039166/", "names 2852039166, which is 169.254.169.254, an address of the machine's network"),
        ("http://0xA9FEA9FE/", "169.254.169.254, an address of the machine's network itself"),
        ("http://0251.0376.0251.0376/", "is no web address"),
        ("http://169.254.43518/", "169.254.169.254, an address of the machine's network itself"),
        ("http://①⑥⑨.254.169.254/", "is no web address"),
        ("http://0/", "an address of the machine's network itself"),
        ("http://[64:ff9b::a9fe:a9fe]/", "an address of the machine's network itself"),
        ("http://[2002:a9fe:a9fe::1]/", "an address of the machine's network itself"),
        ("http://[::169.254.169.254]/", "an address of the machine's network itself"),
        ("http://[fd00:ec2::254]/", "an address of the machine's network itself"),
        ("http://100.100.100.200/", "an address of the machine's network itself"),
    ],
)
def test_only_web_addresses_are_receivers(url: str, objection: str) -> None:
    with pytest.raises(InspectorError, match=objection):
        require_web_address(url)


class Names:
    """What the system's resolver answers for names; addresses stay as they are."""

    def __init__(self, known: dict[str, list[str]]) -> None:
        self.known = known
        self.asked: list[str] = []
        self._resolve = socket.getaddrinfo

    def getaddrinfo(self, host: Any, port: Any, *args: Any, **more: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in self.known:
            return self._resolve(host, port, *args, **more)
        self.asked.append(name)
        if not self.known[name]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [each for address in self.known[name] for each in self._resolve(address, port, *args, **more)]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names({"alarms.plant": ["127.0.0.1"], "cloud.plant": ["10.0.0.7", "169.254.169.254"], "new.plant": []})
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    return names


def test_name_of_a_special_address_is_no_receiver(names: Names) -> None:
    with pytest.raises(InspectorError, match=r"names cloud\.plant, which is 169\.254\.169\.254, an address"):
        require_web_address("https://cloud.plant/hook")


def test_name_that_is_unknown_yet_is_accepted_and_asked_for_again(names: Names) -> None:
    answer = WebhookReceiver("https://new.plant/hook").post(EVENT)
    assert (answer.delivery, answer.text) == (Delivery.AWAY, "new.plant can't be reached: its name is unknown here")
    assert names.asked == ["new.plant", "new.plant"]


def test_name_that_answers_late_holds_nothing_up(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    known = threading.Event()

    def answers_late(*_: Any, **__: Any) -> list[Any]:
        known.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", answers_late)
    monkeypatch.setattr(addresses, "RESOLVE_S", 0.01)
    assert require_web_address("https://alarms.plant/hook")
    known.set()


def test_name_is_judged_again_for_each_event(server: Server, names: Names) -> None:
    receiver = WebhookReceiver(server.url.replace("127.0.0.1", "alarms.plant"))
    assert receiver.post(EVENT).delivery is Delivery.DELIVERED
    assert server.received[0][0]["host"] == receiver.url.split("/")[2]
    names.known["alarms.plant"] = ["127.0.0.1", "169.254.169.254"]
    answer = receiver.post(EVENT)
    assert answer.delivery is Delivery.REFUSED
    assert "names alarms.plant, which is 169.254.169.254" in answer.text
    assert len(server.received) == 1


def test_event_goes_to_the_address_that_was_judged(server: Server, names: Names) -> None:
    receiver = WebhookReceiver(server.url.replace("127.0.0.1", "alarms.plant"))
    names.asked.clear()
    receiver.post(EVENT)
    assert names.asked == ["alarms.plant"]  # a second answer could be another one


def test_address_that_refuses_is_passed_over(server: Server, names: Names) -> None:
    names.known["alarms.plant"] = ["127.0.0.9", "127.0.0.1"]
    receiver = WebhookReceiver(server.url.replace("127.0.0.1", "alarms.plant"))
    assert receiver.post(EVENT).delivery is Delivery.DELIVERED


def test_no_proxy_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert WebhookReceiver(server.url).post(EVENT).delivery is Delivery.DELIVERED


@pytest.mark.parametrize(("name", "delivery"), [("alarms.plant", Delivery.DELIVERED), ("b.plant", Delivery.AWAY)])
def test_certificate_is_that_of_the_name(
    server: Server,
    names: Names,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    delivery: Delivery,
) -> None:
    certificate, key = self_signed("alarms.plant", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    names.known["b.plant"] = ["127.0.0.1"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), server.handler()) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        assert WebhookReceiver(f"https://{name}:{running.server_port}/").post(EVENT).delivery is delivery
        running.shutdown()


def self_signed(name: str, folder: Path) -> tuple[Path, Path]:
    """Write a certificate of this name, and its key."""
    key, subject = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]),
    )
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(utc_now() - timedelta(days=1)).not_valid_after(utc_now() + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths
