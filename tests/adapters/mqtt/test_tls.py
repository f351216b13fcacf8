"""TLS with the plant's own authority, client certificates and names, against a real mosquitto."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mqtt_desk import Desk, Device, opened, until
from support.plant_broker import HOST, Authority, plant_broker

from inspector.adapters.mqtt.check.diagnosis import BrokerProblem
from inspector.adapters.mqtt.check.probe import ProbeResult, probe
from inspector.adapters.mqtt.connection import Broker, new_client
from inspector.adapters.mqtt.line_client import LineClient
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.tls import Tls
from inspector.errors import BrokerError
from inspector.messages.topics import Topics

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
TOPICS = Topics("plant/v1")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def served(authority: Authority, name: str = HOST) -> list[str]:
    issued = authority.issue(name)
    return [f"certfile {issued.certificate}", f"keyfile {issued.key}", f"cafile {authority.file}"]


@pytest.fixture(scope="module", params=["tlsv1.2", "tlsv1.3"])
def strict_port(
    request: pytest.FixtureRequest, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """A broker that demands a certificate of its authority."""
    folder = tmp_path_factory.mktemp("strict")
    with plant_broker(folder, *served(authority), "require_certificate true", f"tls_version {request.param}") as port:
        yield port


def probed(port: int, tls: Tls, host: str = HOST) -> ProbeResult:
    return probe(Broker(host, port, tls=tls), TOPICS, "inspector-station-probe", 5.0)


def only_problem(found: ProbeResult) -> BrokerProblem:
    (problem,) = found.problems
    return problem


def test_missing_client_certificate_is_named_as_such(strict_port: int, authority: Authority) -> None:
    for _ in range(3):
        problem, remedy = only_problem(probed(strict_port, Tls(authority.file)))
        assert "demands a client certificate" in problem
        assert "INSPECTOR_BROKER_CERTIFICATE" in remedy


def test_client_certificate_opens_the_broker(strict_port: int, authority: Authority) -> None:
    issued = authority.issue("station")
    found = probed(strict_port, Tls(authority.file, issued.certificate, issued.key))
    assert found.problems == ()
    assert found.protocols == ("5", "3.1.1")


def test_certificate_of_another_authority_is_named_as_such(
    strict_port: int, authority: Authority, tmp_path: Path
) -> None:
    issued = Authority(tmp_path, "stranger").issue("station")
    problem, remedy = only_problem(probed(strict_port, Tls(authority.file, issued.certificate, issued.key)))
    assert "client certificate" in problem
    assert "authority" in problem + remedy


def test_expired_certificate_is_named_as_such(strict_port: int, authority: Authority) -> None:
    issued = authority.issue("old-station", days=-1.0)
    problem, remedy = only_problem(probed(strict_port, Tls(authority.file, issued.certificate, issued.key)))
    assert "has expired" in problem
    assert "renew" in remedy


async def test_station_without_certificate_says_what_the_broker_demands(
    strict_port: int, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    intake = await opened(Broker(HOST, strict_port, tls=Tls(authority.file)), desk, "tls-bare", wait=False)
    if "demands a client certificate" not in caplog.text:
        await asyncio.sleep(2)
    with pytest.raises(BrokerError, match="demands a client certificate"):
        await until_raised(intake.check)
    await intake.close()


async def until_raised(check: object) -> None:
    assert callable(check)
    for _ in range(200):
        check()
        await asyncio.sleep(0.05)


def test_camera_without_certificate_says_so_too(strict_port: int, authority: Authority) -> None:
    broker = Broker(HOST, strict_port, tls=Tls(authority.file))
    with pytest.raises(BrokerError, match="demands a client certificate"):
        LineClient(broker, TOPICS, "pcb", "cam1", "test").__enter__()


async def test_frames_come_in_over_tls(strict_port: int, authority: Authority) -> None:
    issued = authority.issue("station")
    broker = Broker(HOST, strict_port, tls=Tls(authority.file, issued.certificate, issued.key))
    desk = Desk()
    intake = await opened(broker, desk, "tls-station")
    device = Device(broker)
    device.say("pcb/cam1/frame", b"jpeg", trigger_id="t-1")
    await until(lambda: bool(desk.frames))
    await intake.close()
    device.stop()


def test_own_authority_is_the_only_one_trusted(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    with plant_broker(tmp_path / "broker", *served(authority)) as port:
        assert probed(port, Tls(authority.file)).problems == ()
        for tls in (Tls(stranger.file), Tls()):
            problem, remedy = only_problem(probed(port, tls))
            assert "not trusted" in problem
            assert "INSPECTOR_BROKER_CA" in remedy


def test_name_in_the_certificate_may_differ_from_the_host(authority: Authority, tmp_path: Path) -> None:
    with plant_broker(tmp_path, *served(authority, "broker.plant7")) as port:
        problem, remedy = only_problem(probed(port, Tls(authority.file)))
        assert "INSPECTOR_BROKER_SERVER_NAME" in remedy
        assert "not trusted" in problem
        assert probed(port, Tls(authority.file, server_name="broker.plant7")).problems == ()
        assert only_problem(probed(port, Tls(authority.file, server_name="broker.plant8")))


def test_encrypted_key_needs_its_password(authority: Authority) -> None:
    issued = authority.issue("locked", password="open sesame")
    new_client(Broker(tls=Tls(authority.file, *issued, "open sesame")), "a", persistent=False)
    for wrong in ("", "sesame"):
        with pytest.raises(BrokerError, match="INSPECTOR_BROKER_KEY_PASSWORD"):
            new_client(Broker(tls=Tls(authority.file, *issued, wrong)), "a", persistent=False)


def test_unusable_file_is_named_with_its_setting(authority: Authority, tmp_path: Path) -> None:
    issued, other = authority.issue("one"), authority.issue("other")
    gone, empty = tmp_path / "gone.pem", tmp_path / "empty.pem"
    empty.write_text("")
    for tls, named in (
        (Tls(gone), "INSPECTOR_BROKER_CA: .*gone.pem"),
        (Tls(empty), "INSPECTOR_BROKER_CA: .*empty.pem"),
        (Tls(None, gone), "INSPECTOR_BROKER_CERTIFICATE: .*gone.pem"),
        (Tls(None, issued.certificate, gone), "INSPECTOR_BROKER_KEY: .*gone.pem"),
        (Tls(None, empty, issued.key), "INSPECTOR_BROKER_CERTIFICATE: .*empty.pem"),
        (Tls(None, issued.certificate, other.key), "INSPECTOR_BROKER_KEY: .*does not belong"),
    ):
        with pytest.raises(BrokerError, match=named):
            new_client(Broker(tls=tls), "a", persistent=False)
        problem, remedy = only_problem(probed(1, tls))
        assert "INSPECTOR_BROKER" in problem
        assert remedy


def test_no_secret_is_in_the_representation(authority: Authority) -> None:
    shown = repr(Broker(password="hunter2", tls=Tls(key_password="open sesame")))
    assert "hunter2" not in shown
    assert "sesame" not in shown
