"""What `inspector check` learns of a broker, against real ones."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Literal

import pytest

from inspector.adapters.mqtt.check.diagnosis import BrokerProblem
from inspector.adapters.mqtt.check.probe import ProbeResult, probe
from inspector.adapters.mqtt.check.session import open_session
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local import rumqttd as embedded
from inspector.adapters.mqtt.local.broker import MIB, BrokerLimits, free_port, local_broker
from inspector.adapters.mqtt.tls import Tls
from inspector.messages.topics import DEFAULT_ROOT, Topics

HOST = "127.0.0.1"
needs_mosquitto = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
needs_embedded = pytest.mark.skipif(importlib.util.find_spec("iotcore") is None, reason="iotcore is not installed")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@contextmanager
def mosquitto_with(folder: Path, *settings: str) -> Iterator[int]:
    """A mosquitto whose configuration ends with `settings`: what a plant might run. Yields its port."""
    port = free_port(HOST, 0)
    config = folder / "plant.conf"
    own = mosquitto.config(folder, HOST, port, message_bytes=MIB, queue_bytes=MIB).splitlines()
    named = {setting.split()[0] for setting in settings}
    config.write_text("\n".join([*(line for line in own if line.split()[0] not in named), *settings, ""]))
    program = mosquitto.find()
    assert program is not None
    with running(port, [program, "-c", str(config)]):
        yield port


@contextmanager
def old_broker(folder: Path) -> Iterator[int]:
    """The embedded broker, made to speak MQTT 3.1.1 only. Yields its port."""
    port = free_port(HOST, 0)
    config = folder / "old.toml"
    config.write_text(embedded.config(HOST, port, message_bytes=MIB, queue_bytes=16 * MIB).replace("[v5.", "[v4."))
    with running(port, [sys.executable, "-m", embedded.__name__, str(config)]):
        yield port


@contextmanager
def running(port: int, command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        await_listener(port)
        yield
    finally:
        process.terminate()
        process.wait()


def await_listener(port: int) -> None:
    for _ in range(200):
        with socket.socket() as knock:
            knock.settimeout(0.05)
            if knock.connect_ex((HOST, port)) == 0:
                return
        threading.Event().wait(0.05)
    raise AssertionError(f"nothing came to listen on {port}")


@contextmanager
def listening() -> Iterator[int]:
    """Accepts connections and says nothing."""
    with socket.create_server((HOST, 0)) as silent:
        yield silent.getsockname()[1]


def probed(
    host: str,
    port: int,
    *,
    username: str | None = None,
    password: str | None = None,
    tls: Tls | None = None,
    protocol: Literal["5", "3.1.1"] = "5",
    root: str = DEFAULT_ROOT,
    client_id: str = "plant7-station-probe",
    timeout_s: float = 3.0,
) -> ProbeResult:
    return probe(Broker(host, port, protocol, username, password, tls), Topics(root), client_id, timeout_s)


def only_problem(found: ProbeResult) -> BrokerProblem:
    (problem,) = found.problems
    return problem


@needs_mosquitto
def test_good_broker_has_no_problems_and_its_limits_are_read(tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer="mosquitto", limits=BrokerLimits(message_bytes=16 * MIB)) as broker:
        found = probed(broker.host, broker.port)
    assert found.problems == ()
    assert found.reachable
    assert found.protocols == ("5", "3.1.1")
    assert found.keeps_sessions
    assert found.maximum_packet_bytes == 16 * MIB + mosquitto.PACKET_OVERHEAD_BYTES
    assert found.receive_maximum == 65535
    assert found.retain_available
    assert found.round_trip_ms is not None


@needs_embedded
def test_embedded_broker_has_no_problems(tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer="embedded") as broker:
        found = probed(broker.host, broker.port)
    assert found.problems == ()
    assert found.protocols == ("5",)
    assert found.keeps_sessions
    assert found.round_trip_ms is not None


@needs_embedded
def test_broker_without_mqtt_5_is_a_problem(tmp_path: Path) -> None:
    with old_broker(tmp_path) as port:
        found = probed(HOST, port)
    assert found.protocols == ("3.1.1",)
    assert "3.1.1 only" in found.problems[0].problem


@needs_mosquitto
def test_wrong_password_is_told_from_a_right_one(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "station", "right"], check=True, capture_output=True)
    with mosquitto_with(tmp_path, "allow_anonymous false", f"password_file {passwords}") as port:
        wrong = only_problem(probed(HOST, port, username="station", password="wrong"))
        nobody = only_problem(probed(HOST, port))
        right = probed(HOST, port, username="station", password="right")
    assert "refuses user station: Not authorized" in wrong[0]
    assert "refuses clients without a user: Not authorized" in nobody[0]
    assert "INSPECTOR_BROKER_PASSWORD" in wrong[1]
    assert right.protocols == ("5", "3.1.1")


@needs_mosquitto
def test_user_who_may_not_read_his_own_topic_is_told_so(tmp_path: Path) -> None:
    rights = tmp_path / "rights"
    rights.write_text("topic read somewhere/else\n")
    with mosquitto_with(tmp_path, f"acl_file {rights}", f"max_packet_size {16 * MIB}") as port:
        problem, remedy = only_problem(probed(HOST, port, root="acme/inspector", timeout_s=0.3))
    assert "acme/inspector/service/probe did not come back" in problem
    assert "acl_file" in remedy


@needs_mosquitto
def test_limits_too_tight_for_pictures_are_problems(tmp_path: Path) -> None:
    with mosquitto_with(tmp_path, "max_packet_size 100000", "retain_available false") as port:
        found = probed(HOST, port)
    assert found.maximum_packet_bytes == 100_000
    assert found.retain_available is False
    assert ["frame-ref" in remedy or "retain_available" in remedy for _, remedy in found.problems] == [True, True]


@needs_mosquitto
def test_probe_leaves_no_session_behind(tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer="mosquitto") as broker:
        probed(broker.host, broker.port)
        with open_session(Broker(broker.host, broker.port), timeout_s=5) as here:
            here.client.on_message = lambda _client, _user, message: counts.append(int(message.payload))
            counts: list[int] = []
            here.client.subscribe("$SYS/broker/clients/total")
            assert here.until(lambda: bool(counts))
    assert counts[0] <= 1


@needs_mosquitto
def test_tls_asked_of_a_plain_port_is_told(tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer="mosquitto") as broker:
        problem, remedy = only_problem(probed(HOST, broker.port, tls=Tls()))
    assert "does not speak TLS" in problem
    assert "switch TLS off" in remedy


@needs_mosquitto
@needs_openssl
def test_tls_port_called_plainly_or_with_an_unknown_authority_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make_certificate(certificate, key)
    with mosquitto_with(tmp_path, f"certfile {certificate}", f"keyfile {key}", f"max_packet_size {16 * MIB}") as port:
        plain = only_problem(probed(HOST, port))
        unknown = only_problem(probed(HOST, port, tls=Tls()))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        known = probed(HOST, port, tls=Tls())
    assert "speaks TLS and was called without" in plain[0]
    assert "not trusted" in unknown[0]
    assert "INSPECTOR_BROKER_CA" in unknown[1]
    assert known.problems == ()


def make_certificate(certificate: Path, key: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    ssl.create_default_context(cafile=certificate)


def test_port_where_nobody_listens_is_told() -> None:
    port = free_port(HOST, 0)
    problem, remedy = only_problem(probed(HOST, port))
    assert problem == f"nothing listens on {HOST}:{port}"
    assert "start the broker" in remedy


def test_server_that_never_answers_is_no_mqtt_broker() -> None:
    with listening() as port:
        problem, _ = only_problem(probed(HOST, port, timeout_s=0.3))
    assert "is not an MQTT broker" in problem


def test_web_server_is_no_mqtt_broker() -> None:
    with HTTPServer((HOST, 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        problem, remedy = only_problem(probed(HOST, server.server_port, timeout_s=0.3))
        server.shutdown()
    assert "is not an MQTT broker" in problem
    assert "1883" in remedy


def test_unknown_host_name_is_told() -> None:
    found = probed("no-such-host.invalid", 1883, timeout_s=2)
    assert found.problems[0].problem == "the host name no-such-host.invalid is not known"
    assert not found.reachable


def test_impossible_port_is_a_problem_and_not_an_exception() -> None:
    assert "can't be reached: Invalid port number" in probed(HOST, 0).problems[0].problem
