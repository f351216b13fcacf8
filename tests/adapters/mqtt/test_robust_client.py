"""No packet ends the network thread: hostile bytes through a real mosquitto, and from a scripted broker."""

from __future__ import annotations

import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal

import pytest
from support.mqtt_desk import Desk, Device, opened, until

from inspector.adapters.mqtt.connection import Broker, connect, new_client
from inspector.adapters.mqtt.connection_faults import loss_hint, refusal_hint
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.adapters.mqtt.publisher import MqttPublisher

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with local_broker(tmp_path_factory.mktemp("broker"), prefer="mosquitto") as running:
        yield Broker(running.host, running.port)


def counted(value: bytes) -> bytes:
    return len(value).to_bytes(2) + value


def frame_packet(kind: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes((kind, len(body))) + body


CONNECT_OLD = frame_packet(0x10, counted(b"MQTT") + b"\x04\x02\x00\x3c" + counted(b"raw"))
CONNECT = frame_packet(0x10, counted(b"MQTT") + b"\x05\x02\x00\x3c\x00" + counted(b"raw"))
CONNACK = b"\x20\x03\x00\x00\x00"


def publish_raw(broker: Broker, greeting: bytes, packet: bytes) -> None:
    """Publish bytes that no client library would send. The broker may hang up on them."""
    with socket.create_connection((broker.host, broker.port), 5) as raw, suppress(OSError):
        raw.sendall(greeting)
        raw.recv(64)
        raw.sendall(packet)
        raw.recv(64)


def user_property(name: str, value: str) -> bytes:
    return b"\x26" + counted(name.encode()) + counted(value.encode())


def old_frame(topic: bytes) -> bytes:
    return frame_packet(0x32, counted(topic) + b"\x00\x01jpeg")


def new_frame(topic: bytes, properties: bytes) -> bytes:
    return frame_packet(0x32, counted(topic) + b"\x00\x01" + bytes((len(properties),)) + properties + b"jpeg")


@pytest.mark.parametrize(
    "topic", [b"plant/v1/pcb/\xff\xfe/frame", b"plant/v1/pcb/cam1/frame/\xff", b"plant/v1/\xed\xa0\x80/c/frame"]
)
async def test_topic_that_is_not_utf_8_does_not_end_the_line(broker: Broker, topic: bytes) -> None:
    desk = Desk()
    intake = await opened(broker, desk, "robust-topic")
    publish_raw(broker, CONNECT_OLD, old_frame(topic))
    device = Device(broker)
    device.say("pcb/cam1/frame", b"jpeg", trigger_id="after")
    await until(lambda: any(frame.key.trigger_id == "after" for frame in desk.frames))
    intake.check()
    await intake.close()
    device.stop()


@pytest.mark.parametrize("value", ["\ufeffL1", "L\x01", "\u202eL", "L\n1"])
async def test_property_that_paho_can_not_read_costs_only_itself(broker: Broker, value: str) -> None:
    desk = Desk()
    intake = await opened(broker, desk, "robust-property")
    device = Device(broker)
    properties = user_property("trigger_id", "t-1") + user_property("lot", value)
    publish_raw(broker, CONNECT, new_frame(b"plant/v1/pcb/cam1/frame", properties))
    device.say("pcb/cam1/frame", b"jpeg", trigger_id="after")
    await until(lambda: any(frame.key.trigger_id == "after" for frame in desk.frames))
    intake.check()
    assert all(frame.lot is None for frame in desk.frames)
    if len(desk.frames) > 1:  # the broker forwards it
        assert desk.frames[0].key.trigger_id == "t-1"
        assert any(kind == "BAD_PROPERTY" for kind, _ in desk.complaints)
    await intake.close()
    device.stop()


async def test_verdict_topic_with_such_a_property_does_not_end_the_publisher(broker: Broker) -> None:
    desk = Desk()
    publisher = MqttPublisher(broker, desk.topics, "robust-publisher")
    await publisher.start()
    await publisher.wait_online()
    publish_raw(broker, CONNECT, new_frame(b"plant/v1/pcb/cam1/verdict", user_property("lot", "\ufeff")))
    await publisher.announce("plant/v1/pcb/event", b"{}")
    assert publisher._client._thread is not None
    assert publisher._client._thread.is_alive()
    await publisher.close()


@contextmanager
def scripted_broker(*packets: bytes) -> Iterator[Broker]:
    """Accepts every client, and sends each of them these packets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    threading.Thread(target=talk, args=(client,), daemon=True).start()

        def talk(client: socket.socket) -> None:
            with client, suppress(OSError):
                client.recv(1024)
                for packet in (CONNACK, *packets):
                    client.sendall(packet)
                while client.recv(1024):
                    pass

        threading.Thread(target=serve, daemon=True).start()
        yield Broker("127.0.0.1", server.getsockname()[1])


@pytest.mark.parametrize(
    "packet",
    [
        b"\x32\x01\x00",
        b"\x32\x04\x00\x09ab",
        b"\x36\x07\x00\x01a\x00\x01\x00x",
        b"\x40\x00",
        b"\x90\x01\x00",
        b"\xf0\x00",
    ],
)
async def test_packet_that_breaks_mqtt_ends_the_connection_not_the_thread(packet: bytes) -> None:
    with scripted_broker(packet) as broker:
        client = new_client(broker, "robust", persistent=False)
        losses: list[str] = []
        client.on_disconnect = lambda *_: losses.append("lost")
        connect(client, broker, persistent=False)
        await until(lambda: len(losses) >= 2)
        assert client._thread is not None
        assert client._thread.is_alive()
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize(
    "topic", [b"plant/v1/pcb/\xff\xfe/frame", b"plant/v1/\xed\xa0\x80/c/frame", b"plant/v1/p\x00b/c/frame", b"\xff"]
)
async def test_broker_that_checks_no_topic_does_not_end_the_line_either(topic: bytes) -> None:
    sound = new_frame(b"plant/v1/pcb/cam1/frame", user_property("trigger_id", "after"))
    with scripted_broker(new_frame(topic, b""), sound) as broker:
        desk = Desk()
        intake = await opened(broker, desk, "robust-scripted", wait=False)
        await until(lambda: bool(desk.frames))
        assert desk.complaints[0][0] in ("TOPIC_INVALID", "UNKNOWN_TOPIC")
        assert desk.complaints[0][1].isprintable()
        intake.check()
        await intake.close()


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (0x8E, "INSPECTOR_SITE"),
        (0x8D, "check the network"),
        (0x95, "max_packet_size"),
        (0x8B, "wait until the broker is started"),
        (0x87, "inspector export acl"),
        (0x97, "quota"),
        (0x98, "who disconnected"),
    ],
)
async def test_each_cause_of_a_lost_connection_has_one_hint(code: int, hint: str) -> None:
    with scripted_broker(bytes((0xE0, 2, code, 0))) as broker:
        desk = Desk()
        intake = await opened(broker, desk, "robust-hint", wait=False)
        intake._client.reconnect_delay_set(min_delay=1, max_delay=1)
        for _ in range(4):
            intake._losses.append(float("inf"))
        await until(lambda: any(kind == "BROKER_UNSTEADY" for kind, _ in desk.complaints))
        text = next(text for kind, text in desk.complaints if kind == "BROKER_UNSTEADY")
        assert hint in text
        assert ("INSPECTOR_SITE" in text) == (code == 0x8E)
        await intake.close()


def test_hints_of_refusals_name_the_setting() -> None:
    assert "INSPECTOR_BROKER_PASSWORD" in refusal_hint("Bad user name or password")
    assert "INSPECTOR_SITE" in refusal_hint("Client identifier not valid")
    assert "INSPECTOR_BROKER_PROTOCOL" in refusal_hint("Unsupported protocol version")
    assert "log" in refusal_hint("never seen")


def test_an_unreadable_packet_is_the_cause_whatever_the_code() -> None:
    assert "breaks MQTT" in loss_hint("Unspecified error", "a", unreadable=True)
    assert "gave no reason" in loss_hint("Unspecified error", "a")


@contextmanager
def many_open_files(count: int) -> Iterator[None]:
    """Hold so many open files that further ones have numbers above `count`."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit < 2 * count:
        if 0 <= most < 2 * count:
            pytest.skip(f"this process may open {most} files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * count, most))
    with ExitStack() as files:
        while files.enter_context(open(os.devnull, "rb")).fileno() < count:
            pass
        yield


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_a_process_with_many_open_files_still_receives_and_sends(
    tmp_path: Path, protocol: Literal["5", "3.1.1"]
) -> None:
    """select() takes no file number above 1,023."""
    with local_broker(tmp_path, prefer="mosquitto") as running, many_open_files(1100):
        broker, desk = Broker(running.host, running.port, protocol), Desk()
        intake = await opened(broker, desk, "many-files")
        device = Device(Broker(running.host, running.port))
        device.say("pcb/cam1/frame", b"jpeg", trigger_id="t-1")
        await until(lambda: bool(desk.frames))
        intake.check()
        await intake.close()
        device.stop()
