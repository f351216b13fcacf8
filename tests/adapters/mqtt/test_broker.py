"""The local broker, both kinds, with real brokers, real paho clients, and real kills."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import psutil
import pytest
from paho.mqtt.client import MQTTMessage
from support.paths import ROOT, SUPPORT

from inspector.adapters.mqtt.ack_order import AckOrder
from inspector.adapters.mqtt.check.session import BrokerSession, open_session
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import MIB, BrokerLimits, LocalBroker, local_broker
from inspector.errors import BrokerError

CONSUMER = SUPPORT / "mqtt_consumer.py"
ROOM = ROOT
TOPIC = "inspector/v1/pcb/cam1/frame"
FILTER = "inspector/v1/+/+/frame"
PICTURE_BYTES = 200_000

Kind = Literal["mosquitto", "embedded"]
without_mosquitto = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
without_embedded = pytest.mark.skipif(importlib.util.find_spec("iotcore") is None, reason="iotcore is not installed")
MOSQUITTO = pytest.param("mosquitto", marks=without_mosquitto)
EMBEDDED = pytest.param("embedded", marks=without_embedded)
both_kinds = pytest.mark.parametrize("kind", [MOSQUITTO, EMBEDDED])


@contextmanager
def client(broker: LocalBroker, client_id: str = "", *, keep_s: int = 0, old: bool = False) -> Iterator[BrokerSession]:
    address = Broker(broker.host, broker.port, "3.1.1" if old else "5")
    with open_session(address, client_id, timeout_s=30, fresh=not keep_s, keep_s=keep_s) as here:
        assert here.accepted
        yield here


def begin_session(broker: LocalBroker) -> None:
    """The station has been here once, and is away."""
    with client(broker, "station-0", keep_s=3600) as station:
        subscribe(station)


def subscribe(here: BrokerSession, topic_filter: str = FILTER) -> list[MQTTMessage]:
    """The messages that come, as they come."""
    granted: list[object] = []
    messages: list[MQTTMessage] = []
    here.client.on_subscribe = lambda *_: granted.append("SUBACK")
    here.client.on_message = lambda _client, _user, message: messages.append(message)
    here.client.subscribe(topic_filter, qos=1)
    assert here.until(lambda: bool(granted))
    return messages


def publish(here: BrokerSession, numbers: range, size: int = PICTURE_BYTES, topic: str = TOPIC) -> None:
    """Returns when the broker has confirmed all."""
    sent = [here.client.publish(topic, b"%08d" % number + bytes(size - 8), qos=1) for number in numbers]
    assert here.until(lambda: all(info.is_published() for info in sent))


def numbers(messages: list[MQTTMessage]) -> list[int]:
    return [int(message.payload[:8]) for message in messages]


def start_consumer(broker: LocalBroker, acknowledged: int, dies_after: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(CONSUMER), str(broker.port), "station-0", str(acknowledged), str(dies_after)]
    environment = os.environ | {"PYTHONPATH": str(ROOM)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(true: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    end = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


@both_kinds
def test_pictures_of_200_kb_arrive_whole_and_in_order(kind: Kind, tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer=kind) as broker, client(broker, "a") as receiver, client(broker, "b") as sender:
        messages = subscribe(receiver)
        publish(sender, range(50))
        assert receiver.until(lambda: len(messages) == 50)
    assert broker.kind == kind
    assert numbers(messages) == list(range(50))
    assert {len(message.payload) for message in messages} == {PICTURE_BYTES}


@both_kinds
def test_picture_of_30_mb_passes(kind: Kind, tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer=kind) as broker, client(broker, "a") as receiver, client(broker, "b") as sender:
        messages = subscribe(receiver)
        publish(sender, range(1), size=30_000_000)
        assert receiver.until(lambda: len(messages) == 1)
    assert len(messages[0].payload) == 30_000_000


@both_kinds
def test_frames_that_a_killed_consumer_did_not_acknowledge_come_again_in_order(kind: Kind, tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer=kind) as broker, client(broker, "camera") as camera:
        begin_session(broker)
        consumer = start_consumer(broker, acknowledged=5, dies_after=20)
        publish(camera, range(60))
        first_life = [int(line) for line in consumer.communicate()[0].split()]
        assert consumer.returncode == -signal.SIGKILL
        publish(camera, range(60, 90))
        with client(broker, "station-0", keep_s=3600) as station:
            messages = subscribe(station)
            assert station.until(lambda: bool(messages) and numbers(messages)[-1] == 89)
    again = numbers(messages)
    assert first_life == list(range(20))
    assert again[0] <= 5  # the kill may come before an acknowledgement has left
    assert again == list(range(again[0], 90))


@both_kinds
def test_consumer_killed_again_and_again_misses_nothing(kind: Kind, tmp_path: Path) -> None:
    seen: set[int] = set()
    with local_broker(tmp_path, prefer=kind) as broker, client(broker, "camera") as camera:
        begin_session(broker)
        for life in range(3):
            consumer = start_consumer(broker, acknowledged=10, dies_after=30)
            publish(camera, range(life * 40, (life + 1) * 40), size=20_000)
            seen |= {int(line) for line in consumer.communicate()[0].split()}
        with client(broker, "station-0", keep_s=3600) as station:
            messages = subscribe(station)
            assert station.until(lambda: bool(messages) and numbers(messages)[-1] == 119)
    assert seen | set(numbers(messages)) == set(range(120))


@both_kinds
def test_work_that_ends_out_of_order_loses_nothing(kind: Kind, tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer=kind) as broker, client(broker, "camera") as camera:
        with client(broker, "station-0", keep_s=3600) as station:
            station.client.manual_ack_set(True)
            receipts = AckOrder(lambda mid: station.client.ack(mid, 1))
            messages = subscribe(station)
            publish(camera, range(20))
            assert station.until(lambda: len(messages) == 20)
            for message in messages:
                receipts.expect(message.mid)
            for message in (*reversed(messages[:10]), *messages[11:]):
                receipts.ready(message.mid)
            publish(station, range(1), topic="inspector/v1/event")  # confirmed after all that was sent before
        with client(broker, "station-0", keep_s=3600) as station:
            again = subscribe(station)
            assert station.until(lambda: len(again) == 10)
    assert numbers(again) == list(range(10, 20))


@without_mosquitto
def test_frame_of_an_mqtt_3_1_1_camera_reaches_an_mqtt_5_station(tmp_path: Path) -> None:
    with (
        local_broker(tmp_path, prefer="mosquitto") as broker,
        client(broker, "station-0") as station,
        client(broker, "camera", old=True) as camera,
    ):
        messages = subscribe(station, FILTER + "/+")
        publish(camera, range(1), topic=TOPIC + "/st3-48211")
        assert station.until(lambda: len(messages) == 1)
    assert messages[0].topic == TOPIC + "/st3-48211"


@without_mosquitto
def test_mosquitto_keeps_waiting_frames_when_it_is_stopped_and_started(tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer="mosquitto") as broker:
        begin_session(broker)
        with client(broker, "camera") as camera:
            publish(camera, range(10))
    with local_broker(tmp_path, prefer="mosquitto") as broker, client(broker, "station-0", keep_s=3600) as station:
        messages = subscribe(station)
        assert station.until(lambda: len(messages) == 10)
    assert numbers(messages) == list(range(10))


OVERFLOWS = {
    "mosquitto": "Outgoing messages are being dropped for client station-0",
    "embedded": f"queue overflow on {FILTER}: ",
}


@both_kinds
def test_queue_that_overflows_says_so_in_its_log(kind: Kind, tmp_path: Path) -> None:
    limits = BrokerLimits(queue_bytes=4 * MIB)
    with local_broker(tmp_path, prefer=kind, limits=limits) as broker, client(broker, "camera") as camera:
        begin_session(broker)
        publish(camera, range(200))
        with client(broker, "station-0", keep_s=3600) as station:
            messages = subscribe(station)
            assert station.until(lambda: len(messages) > 0)
    log = (tmp_path / f"{kind}.log").read_text()
    assert OVERFLOWS[kind] in log


@without_embedded
def test_log_of_the_embedded_broker_holds_no_line_per_message(tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer="embedded") as broker, client(broker, "camera") as camera:
        publish(camera, range(50), size=1000)
    assert len((tmp_path / "embedded.log").read_text().splitlines()) < 10


@both_kinds
def test_broker_is_gone_when_the_context_ends(kind: Kind, tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer=kind) as broker:
        assert runs(broker.pid)
    assert not runs(broker.pid)


@both_kinds
def test_broker_is_gone_when_its_parent_is_killed(kind: Kind, tmp_path: Path) -> None:
    program = (
        "import pathlib, time; from inspector.adapters.mqtt.local.broker import local_broker\n"
        f"with local_broker(pathlib.Path({str(tmp_path)!r}), prefer={kind!r}) as broker:\n"
        "    print(broker.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOM)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert runs(pid)
    parent.kill()
    parent.communicate()
    assert eventually(lambda: not runs(pid))


@both_kinds
def test_ctrl_c_does_not_reach_the_broker(kind: Kind, tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer=kind) as broker:
        assert os.getpgid(broker.pid) != os.getpgid(0)


@both_kinds
def test_taken_port_is_named_with_a_remedy(kind: Kind, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(BrokerError, match=rf"port {port} .*choose another port"),
            local_broker(tmp_path, port=port, prefer=kind),
        ):
            pass


@both_kinds
def test_chosen_port_is_used(kind: Kind, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with local_broker(tmp_path, port=port, prefer=kind) as broker:
        assert broker.port == port


@without_mosquitto
def test_broker_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(BrokerError, match=r"(?s)mosquitto did not start: .*prefer embedded.*max_packet_size"),
        local_broker(tmp_path, prefer="mosquitto", limits=BrokerLimits(message_bytes=-MIB)),
    ):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.7.7", "localhost"])
def test_host_that_others_could_reach_is_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="loopback"), local_broker(tmp_path, host=host):
        pass


def test_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match="choose a folder"), local_broker(tmp_path / "file" / "folder"):
        pass
