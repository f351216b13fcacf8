"""Ray below the service: a private one is closed to others and its death is noticed; a shared one is left as it was."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
from support.mqtt_desk import Device
from support.ray_head import ray_head
from support.serve_process import END_S, ServeProcess, free_port, serve_process

from inspector.adapters.mqtt.connection import Broker, connect, new_client
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker

pytestmark = [
    pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed"),
    pytest.mark.timeout(600),
]
LOOPBACK_ADDRESSES = ("127.0.0.1", "::ffff:127.0.0.1")
SECRETS = ("PlantedBroker1", "PlantedClaims2", "PlantedCloud3")
SECRET_SETTINGS = {
    "INSPECTOR_TOPIC_ROOT": "plant/v1",
    "INSPECTOR_BROKER_USERNAME": "plant",
    "INSPECTOR_BROKER_PASSWORD": SECRETS[0],
    "INSPECTOR_CLAIMS": f'["http://camera:{SECRETS[1]}@127.0.0.1:9/frames"]',
    "AWS_SECRET_ACCESS_KEY": SECRETS[2],
    "INSPECTOR_LOG_LEVEL": "debug",
}
STRANGER = """
import os, sys, ray
ray.init(address=sys.argv[1], logging_level=50)
print("inside")
"""
NEIGHBOUR = """
import sys, ray
from ray import serve
ray.init(address=sys.argv[1], logging_level=50)
@serve.deployment(ray_actor_options={"num_cpus": 0})
class Neighbour:
    def __call__(self): return "here"
serve.run(Neighbour.bind(), name="neighbour", route_prefix=None)
"""
STATUS = """
import json, sys, ray
from ray import serve
ray.init(address=sys.argv[1], logging_level=50)
print(json.dumps({name: each.status for name, each in serve.status().applications.items()}))
"""


@pytest.fixture(scope="module")
def broker_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with local_broker(tmp_path_factory.mktemp("broker"), prefer="mosquitto") as broker:
        yield broker.port


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory, broker_port: int) -> Iterator[ServeProcess]:
    settings = {"INSPECTOR_SITE": "private", "INSPECTOR_METRICS_PORT": str(free_port()), **SECRET_SETTINGS}
    with serve_process(tmp_path_factory.mktemp("private"), broker_port, "--json", **settings) as service:
        service.await_running()
        yield service


def python(code: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def ray_folder(service: ServeProcess) -> Path:
    return Path(service.member("raylet").environ()["RAY_AUTH_TOKEN_PATH"]).parent


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_private_ray_listens_on_the_loopback_interface_and_serve_asks_for_the_token(private: ServeProcess) -> None:
    """Serve's replicas listen on every interface, which no setting of Ray changes."""
    listening = {process: listeners(process) for process in private.family()}
    open_ports = {
        port: process for process, found in listening.items() for ip, port in found if ip not in LOOPBACK_ADDRESSES
    }
    assert sum(map(len, listening.values())) > 5
    assert all("ServeReplica" in process.name() for process in open_ports.values())
    for port in open_ports:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary("/ray.serve.ASGIService/HandleRequest")(b"", timeout=20)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def listeners(process: psutil.Process) -> list[tuple[str, int]]:
    return [
        (each.laddr.ip, each.laddr.port)
        for each in process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    ]


def test_private_ray_keeps_its_sockets_logs_and_token_from_other_users(private: ServeProcess) -> None:
    folder = ray_folder(private)
    assert folder.name.startswith("inspector-ray-")
    assert (mode(folder), mode(folder / "token")) == (0o700, 0o600)


def test_data_of_the_service_is_readable_by_its_user_only(private: ServeProcess) -> None:
    written = [private.folder / "data", *(private.folder / "data").rglob("*")]
    assert len(written) > 3
    assert [path for path in written if mode(path) & 0o077] == []


def test_nobody_enters_a_private_ray_without_its_token(private: ServeProcess) -> None:
    [(_, port)] = listeners(private.member("gcs_server"))
    address = f"127.0.0.1:{port}"
    token = (ray_folder(private) / "token").read_text()
    here = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    for stranger in ({"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}):
        assert "inside" not in python(STRANGER, address, **here, **stranger).stdout
    assert "inside" in python(STRANGER, address, **here, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token).stdout


@contextmanager
def everything_published(broker_port: int) -> Iterator[list[bytes]]:
    heard: list[bytes] = []
    subscribed = threading.Event()
    client = new_client(Broker("127.0.0.1", broker_port), "listener", persistent=False)
    client.on_connect = lambda client, *_: client.subscribe("#", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: heard.append(message.topic.encode() + b" " + message.payload)
    connect(client, Broker("127.0.0.1", broker_port), persistent=False)
    assert subscribed.wait(30)
    yield heard
    client.disconnect()
    client.loop_stop()


def pages(service: ServeProcess) -> dict[str, bytes]:
    """What REST API and metrics page say, by address."""
    settings = service.member("raylet").environ()
    api = f"http://127.0.0.1:{settings['INSPECTOR_CONSOLE_PORT']}/api/v1"
    addresses = [f"{api}/{name}" for name in ("health", "events", "parts", "cameras", "lines", "totals")]
    addresses.append(f"http://127.0.0.1:{settings['INSPECTOR_METRICS_PORT']}/metrics")
    return {address: httpx.get(address, timeout=30.0).content for address in addresses}


def test_running_service_writes_no_secret_anywhere(private: ServeProcess, broker_port: int) -> None:
    """Its output and logs, Ray's own session, /metrics, REST, events, database, messages, arguments of processes."""
    written: dict[str, bytes] = {}
    with everything_published(broker_port) as heard:
        device = Device(Broker("127.0.0.1", broker_port))
        reference = {"trigger_id": "r-1", "url": "http://127.0.0.1:9/frames/one.jpg"}
        device.say("kind/cam1/frame-ref", json.dumps(reference).encode())
        device.say("kind/cam9/frame", b"of a camera that nobody declared", trigger_id="t-2")
        device.stop()
        end = time.monotonic() + 90.0
        while not all(word in b"".join(written.values()) for word in (b"UNKNOWN_CAMERA", b"BAD_IMAGE")):
            assert time.monotonic() < end, written
            time.sleep(0.5)
            written = pages(private)
    files = [path for root in (private.folder / "data", ray_folder(private)) for path in root.rglob("*")]
    written |= {str(path): path.read_bytes() for path in files if path.is_file()}
    written |= {f"process {each.pid}": "\n".join(each.cmdline()).encode() for each in private.family()}
    written |= {"output": private.output.encode(), "MQTT": b"\n".join(heard)}
    assert sum("/session_" in name and "/logs/" in name for name in written) > 5
    assert b"r-1" in written["MQTT"]
    assert [(name, secret) for name, text in written.items() for secret in SECRETS if secret.encode() in text] == []


def test_start_names_its_phases(private: ServeProcess) -> None:
    document = json.JSONDecoder().raw_decode(private.output[private.output.index("{") :])[0]
    phases = document["start_s"]
    assert list(phases) == [
        "command", "broker", "ledger", "ray", "models", "stations", "console", "applications", "total"
    ]  # fmt: skip
    parts = sum(phases[name] for name in ("command", "broker", "ledger", "ray", "applications"))
    assert phases["total"] == pytest.approx(parts, rel=0.2)


@pytest.mark.parametrize("victim", ["raylet", "gcs_server"])
def test_service_whose_ray_died_says_so_and_ends_with_its_exit_code(
    victim: str, tmp_path: Path, broker_port: int, request: pytest.FixtureRequest
) -> None:
    with running_service(victim, tmp_path, broker_port, request) as service:
        family, folder = service.family()[1:], ray_folder(service)
        service.member(victim).send_signal(signal.SIGKILL)
        assert service.process.wait(END_S) == 75
        assert f"Ray's {victim}" in service.output
        assert "Traceback" not in service.output
        _, alive = psutil.wait_procs(family, timeout=15)
        assert alive == []
        assert folder.is_dir(), "the logs of the dead Ray explain it"


@contextmanager
def running_service(
    victim: str, folder: Path, broker_port: int, request: pytest.FixtureRequest
) -> Iterator[ServeProcess]:
    """The service of the other tests for the first victim, one more for the second."""
    if victim == "raylet":
        yield request.getfixturevalue("private")
        return
    with serve_process(folder, broker_port, INSPECTOR_SITE="gcs") as service:
        service.await_running()
        yield service


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a Ray cluster that belongs to somebody else, who gave us the token."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "a" * 64)
    with ray_head("--include-dashboard=false") as port:
        yield f"127.0.0.1:{port}"


def test_shared_cluster_keeps_what_others_run_there(shared: str, tmp_path: Path, broker_port: int) -> None:
    assert python(NEIGHBOUR, shared).returncode == 0
    with serve_process(tmp_path, broker_port, "--ray-address", shared, INSPECTOR_SITE="plant7") as service:
        service.await_running()
        names = json.loads(python(STATUS, shared).stdout)
        assert set(names) == {"neighbour", "plant7-models", "plant7-stations", "plant7-console"}
        (tmp_path / "second").mkdir()
        with serve_process(
            tmp_path / "second", broker_port, "--ray-address", shared, INSPECTOR_SITE="plant7"
        ) as second:
            assert second.process.wait(END_S) == 1
            assert "a service of site 'plant7' runs in this cluster already" in second.output
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(END_S) == 0
    assert json.loads(python(STATUS, shared).stdout) == {"neighbour": "RUNNING"}
