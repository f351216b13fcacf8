"""The ACL file of `inspector export acl` in a real mosquitto: who can publish and read what, and who cannot."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest
from paho.mqtt.client import Client
from support.mqtt_desk import Desk, opened, until
from support.plant_broker import HOST, passwords, plant_broker

from inspector.adapters.mqtt.check.in_flight import measure_in_flight
from inspector.adapters.mqtt.check.probe import probe
from inspector.adapters.mqtt.connection import Broker, connect, new_client
from inspector.adapters.mqtt.line_client import Exposure, LineClient
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.publisher import MqttPublisher
from inspector.errors import BrokerError
from inspector.messages.broker_acl import LineCameras, mosquitto_acl
from inspector.messages.topics import Topics
from inspector.ports.broker import OutgoingMessage

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
TOPICS = Topics("acme/inspector")
LINES = (LineCameras("mugs", ("cam1", "cam2")), LineCameras("pcb", ()))
ROLES = ("station", "person", "camera/mugs/cam1", "camera/mugs/cam2", "camera/pcb", "gate/mugs", "gate/pcb")
CAMERAS = {
    "camera/mugs/cam1": [("mugs", "cam1")],
    "camera/mugs/cam2": [("mugs", "cam2")],
    "camera/pcb": [("pcb", "any")],
}
GATES = {"gate/mugs": [("mugs", "cam1"), ("mugs", "cam2")], "gate/pcb": [("pcb", "any")]}
SERVICE = {TOPICS.state, f"{TOPICS.state}/1", TOPICS.heartbeat, f"{TOPICS.heartbeat}/1"}
PROBE = {TOPICS.probe, f"{TOPICS.probe}/a"}
PLACES = [("mugs", "cam1"), ("mugs", "cam2"), ("pcb", "any"), ("other", "cam1")]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("acl")
    rights = folder / "rights"
    rights.write_text(mosquitto_acl(TOPICS, LINES, ("plc/replies",)) + "\nuser admin\ntopic readwrite #\n")
    users = passwords(folder, *ROLES, "admin")
    prefix = ["clientid_prefixes plant7-"]
    with plant_broker(folder, "allow_anonymous false", f"acl_file {rights}", f"password_file {users}", *prefix) as port:
        yield port


def address(port: int, user: str) -> Broker:
    return Broker(HOST, port, username=user, password="secret")


class User:
    """A connected user of the broker that publishes and notes what it receives."""

    def __init__(self, port: int, name: str) -> None:
        self._client: Client = new_client(address(port, name), f"plant7-{name}", persistent=False)
        self.received: set[str] = set()
        self._answers: dict[int, bool] = {}
        self._changed = threading.Condition()
        online = threading.Event()
        self._client.on_connect = lambda *_: online.set()
        self._client.on_message = lambda _client, _data, message: self.received.add(message.topic)
        self._client.on_publish = self._on_publish
        connect(self._client, address(port, name), persistent=False)
        assert online.wait(10), name

    def _on_publish(self, _client: Client, _data: object, mid: int, code: object, _properties: object) -> None:
        with self._changed:
            self._answers[mid] = not code.is_failure  # type: ignore[attr-defined]
            self._changed.notify_all()

    def may_publish(self, topic: str) -> bool:
        mid = self._client.publish(topic, b"{}", qos=1).mid
        with self._changed:
            assert self._changed.wait_for(lambda: mid in self._answers, 10)
            return self._answers[mid]

    def subscribe(self, *topics: str) -> None:
        self._client.subscribe([(topic, 1) for topic in topics])

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def connected(port: int, *names: str) -> Iterator[list[User]]:
    users = [User(port, name) for name in names]
    try:
        yield users
    finally:
        for user in users:
            user.stop()


def every_topic() -> list[str]:
    channels = ("frame", "frame/t-1", "frame-ref", "status", "ack", "count", "verdict", "report", "review", "part")
    of_cameras = [TOPICS.camera(*place, channel) for place, channel in product(PLACES, (*channels, "reply/plc"))]
    of_lines = [TOPICS.event(line) for line in ("mugs", "pcb", "other", "service")]
    of_service = [
        TOPICS.state,
        f"{TOPICS.state}/1",
        TOPICS.heartbeat,
        f"{TOPICS.heartbeat}/1",
        TOPICS.probe,
        f"{TOPICS.probe}/a",
    ]
    return [*of_cameras, *of_lines, *of_service, "plc/replies/7", "plc/other", "acme/inspector", "elsewhere"]


def writable(role: str) -> set[str]:
    if role == "station":
        sent = {
            TOPICS.camera(*place, each)
            for place in PLACES
            for each in ("verdict", "report", "review", "part", "reply/plc")
        }
        events = {TOPICS.event(line) for line in ("mugs", "pcb", "other", "service")}
        service = {
            TOPICS.state,
            f"{TOPICS.state}/1",
            TOPICS.heartbeat,
            f"{TOPICS.heartbeat}/1",
            TOPICS.probe,
            f"{TOPICS.probe}/a",
        }
        return sent | events | service | {"plc/replies/7"}
    pictures = ("frame", "frame/t-1", "frame-ref", "status")
    return {TOPICS.camera(*place, each) for place in CAMERAS.get(role, []) for each in pictures} | {
        TOPICS.camera(*place, each) for place in GATES.get(role, []) for each in ("ack", "count")
    }


def readable(role: str) -> set[str]:
    if role == "station":
        received = ("frame", "frame/t-1", "frame-ref", "status", "ack", "count", "verdict")
        return SERVICE | PROBE | {TOPICS.camera(*place, each) for place in PLACES for each in received}
    if role == "person":
        shown = ("frame-ref", "status", "ack", "count", "verdict", "report", "review", "part")
        events = {TOPICS.event(line) for line in ("mugs", "pcb", "other", "service")}
        return SERVICE | events | {TOPICS.camera(*place, each) for place in PLACES for each in shown}
    if role in CAMERAS:
        return {TOPICS.camera(*place, each) for place in CAMERAS[role] for each in ("verdict", "reply/plc")}
    answers = ("verdict", "review", "part", "reply/plc")
    event = {TOPICS.event(role.removeprefix("gate/"))}
    return SERVICE | event | {TOPICS.camera(*place, each) for place in GATES[role] for each in answers}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_publishes_on_its_topics_and_on_no_other(port: int, role: str) -> None:
    with connected(port, role) as [user]:
        assert {topic for topic in every_topic() if user.may_publish(topic)} == writable(role)


def test_only_the_station_publishes_verdicts() -> None:
    verdicts = {topic for topic in every_topic() if topic.endswith(("/verdict", "/report", "/review"))}
    assert [role for role in ROLES if verdicts & writable(role)] == ["station"]
    acl = mosquitto_acl(TOPICS, LINES).split("\nuser ")
    assert [block.split("\n")[0] for block in acl if "write acme/inspector/+/+/verdict" in block] == ["station"]


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reads_its_topics_and_no_other(port: int, role: str) -> None:
    with connected(port, role, "admin") as [user, admin]:
        user.subscribe("#", *every_topic())
        time.sleep(0.1)
        assert all(admin.may_publish(topic) for topic in every_topic())
        wanted = readable(role)
        end = time.monotonic() + 10
        while user.received < wanted and time.monotonic() < end:
            time.sleep(0.02)
        assert user.received == wanted


def test_nobody_without_a_user_connects(port: int) -> None:
    found = probe(Broker(HOST, port), TOPICS, "plant7-station-probe")
    assert "refuses clients without a user" in found.problems[0].problem


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_station_is_probed_on_its_own_root_and_with_its_own_client_ids(port: int, protocol: str) -> None:
    broker = Broker(HOST, port, protocol, "station", "secret")  # type: ignore[arg-type]
    found = probe(broker, TOPICS, "plant7-station-probe")
    assert found.problems == ()
    assert found.protocols == (("5", "3.1.1") if protocol == "5" else ("3.1.1",))
    assert found.keeps_sessions
    [problem] = probe(broker, Topics("inspector/v1"), "plant7-station-probe", 0.5).problems
    assert "inspector/v1/service/probe did not come back" in problem.problem
    [problem] = probe(broker, TOPICS, "other-station-probe").problems
    assert "client ids" in problem.remedy


def test_frames_in_flight_are_measured_where_the_station_may_and_refused_elsewhere(port: int) -> None:
    station = address(port, "station")
    assert measure_in_flight(station, TOPICS, "plant7-station-probe", 5) == 5
    with pytest.raises(BrokerError, match="inspector/v1/service/probe"):
        measure_in_flight(station, Topics("inspector/v1"), "plant7-station-probe", 5)


async def test_a_frame_is_answered_with_every_role_of_its_own(port: int) -> None:
    desk = Desk()
    intake = await opened(address(port, "station"), desk, "plant7-station-0", topics=TOPICS)
    publisher = MqttPublisher(address(port, "station"), TOPICS, "plant7-station-0-out")
    await publisher.start()
    with LineClient(address(port, "camera/mugs/cam1"), TOPICS, "mugs", "cam1", "plant7-camera") as camera:
        camera.send(Exposure("t-1", b"jpeg"))
        await until(lambda: bool(desk.frames))
        await publisher.wait_online()
        await publisher.publish(OutgoingMessage("r-1", TOPICS.verdict("mugs", "cam1"), b"{}", confirms=True))
        await until(lambda: "r-1" in publisher.echoed_ids())
    assert [status for *_, status in desk.statuses][:1] == ["online"]
    await publisher.close()
    await intake.close()


def test_the_station_needs_a_user_of_its_own() -> None:
    for user in ("person", "gate/mugs", "a\nuser b"):
        with pytest.raises(ValueError, match="user of its own"):
            mosquitto_acl(TOPICS, LINES, (), user)


def test_lines_that_read_alike_share_no_user() -> None:
    lines = (LineCameras("a-b", ("c",)), LineCameras("a", ("b-c", "gate")), LineCameras("gate", ("a",)))
    users = [line for line in mosquitto_acl(TOPICS, lines).splitlines() if line.startswith("user ")]
    assert len(users) == len(set(users)) == 2 + 4 + 3
