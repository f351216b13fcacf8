"""The MQTT adapter against a real mosquitto: frames in, verdicts out, nothing lost when a process dies."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mqtt_desk import TOPICS, Desk, Device, opened, until

from inspector.adapters.mqtt.connection import Broker, connect, new_client
from inspector.adapters.mqtt.intake import Intake
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.adapters.mqtt.publisher import MqttPublisher
from inspector.adapters.mqtt.undeclared_frames import TURNS, UndeclaredFrames
from inspector.errors import BrokerError
from inspector.lab.chaos.broker import HOST, KillableBroker
from inspector.ports.broker import OutgoingMessage

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with local_broker(tmp_path_factory.mktemp("broker"), prefer="mosquitto") as running:
        yield Broker(running.host, running.port)


@pytest.fixture
def device(broker: Broker) -> Iterator[Device]:
    device = Device(broker)
    yield device
    device.stop()


@pytest.fixture
def client_id(request: pytest.FixtureRequest) -> str:
    return hashlib.sha256(request.node.name.encode()).hexdigest()[:12]


def kill(intake: Intake) -> None:
    """What the broker sees of a process that was killed: a connection that ends without a word."""
    intake._closing = True
    intake._client.loop_stop()
    sock = intake._client.socket()
    assert sock is not None
    sock.close()


async def test_frame_comes_in_with_its_properties(broker: Broker, device: Device, client_id: str) -> None:
    desk = Desk()
    intake = await opened(broker, desk, client_id)
    device.say("pcb/cam1/frame", b"jpeg", trigger_id="t-1", seq="7", part_id="SN1", captured_at="2026-01-31T12:00:00Z")
    await until(lambda: bool(desk.frames))
    frame = desk.frames[0]
    assert (frame.key, frame.seq, frame.part_id, frame.payload) == (("pcb", "cam1", "t-1"), 7, "SN1", b"jpeg")
    assert frame.captured_at is not None
    assert frame.captured_at.isoformat() == "2026-01-31T12:00:00+00:00"
    await intake.close()


async def test_device_without_properties_names_the_trigger_in_the_topic(
    broker: Broker, device: Device, client_id: str
) -> None:
    desk = Desk()
    intake = await opened(broker, desk, client_id)
    device.say("pcb/cam1/frame/t-9", b"jpeg")
    await until(lambda: bool(desk.frames))
    assert desk.frames[0].key.trigger_id == "t-9"
    await intake.close()


async def test_stored_copy_is_counted_and_no_part_while_a_live_frame_with_the_flag_is_one(
    broker: Broker, device: Device, client_id: str
) -> None:
    for channel, payload in (("frame", b"jpeg"), ("frame-ref", b'{"url": "x"}'), ("ack", b"{}")):
        device.say_retained(f"pcb/cam1/{channel}", payload, trigger_id="old")
    desk = Desk()
    intake = await opened(broker, desk, client_id)
    try:
        await until(lambda: len(desk.retained) == 3)
        assert {channel for _, _, channel in desk.retained} == {"frame", "frame-ref", "ack"}
        assert (desk.frames, desk.acks, desk.complaints) == ([], [], [])
        device.say_retained("pcb/cam1/frame", b"jpeg", trigger_id="live")
        await until(lambda: bool(desk.frames))
        assert desk.frames[0].key.trigger_id == "live"
    finally:
        await intake.close()
        for channel in ("frame", "frame-ref", "ack"):
            device.say_retained(f"pcb/cam1/{channel}", b"")


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({"seq": "-1"}, "seq '-1' is ignored"),
        ({"seq": "9" * 400}, "is ignored; expected a whole number"),
        ({"captured_at": "yesterday"}, "captured_at 'yesterday' is ignored"),
        ({"captured_at": "2026-01-31T12:00:00"}, "with its zone"),
        ({"captured_at": "9999-12-31T23:59:59-23:00"}, "captured_at '9999-12-31T23:59:59-23:00' is ignored"),
        ({"captured_at": "9999-12-31T23:59:59Z"}, "expected an RFC 3339 time from 1970 to 2199"),
        ({"captured_at": "0001-01-01T00:00:00Z"}, "expected an RFC 3339 time from 1970 to 2199"),
        ({"deadline_ms": "nan"}, "deadline_ms 'nan' is ignored"),
        ({"deadline_ms": "1e9"}, "deadline_ms '1e9' is ignored"),
        ({"part_id": "x" * 200}, "at most 128 printable"),
        ({"trigger_id": "no spaces please"}, "trigger_id 'no spaces please' is ignored"),
    ],
)
async def test_bad_property_is_told_and_the_part_is_still_inspected(
    broker: Broker, device: Device, client_id: str, properties: dict[str, str], complaint: str
) -> None:
    desk = Desk()
    intake = await opened(broker, desk, client_id)
    device.say("pcb/cam1/frame", b"jpeg", **({"trigger_id": "t-1"} | properties))
    await until(lambda: bool(desk.frames))
    assert desk.frames[0].key.line == "pcb"
    assert any(complaint in text for _, text in desk.complaints)
    await intake.close()


async def test_wrong_hash_makes_the_frame_faulty_not_lost(broker: Broker, device: Device, client_id: str) -> None:
    desk = Desk()
    intake = await opened(broker, desk, client_id)
    device.say("pcb/cam1/frame", b"jpeg", trigger_id="t-1", sha256="0" * 64)
    await until(lambda: bool(desk.frames))
    assert "sha256 differs" in (desk.frames[0].fault or "")
    await intake.close()


async def test_frame_without_any_id_is_known_by_its_bytes(broker: Broker, device: Device, client_id: str) -> None:
    desk = Desk()
    intake = await opened(broker, desk, client_id)
    device.say("pcb/cam1/frame", b"jpeg")
    await until(lambda: bool(desk.frames))
    assert desk.frames[0].key.trigger_id == "sha256-" + hashlib.sha256(b"jpeg").hexdigest()[:16]
    await intake.close()


@pytest.mark.parametrize(
    ("topic", "payload", "kind"),
    [
        ("pcb/cam%201/frame", b"jpeg", "TOPIC_INVALID"),
        ("pcb/cam1/frame/a/b/c", b"jpeg", "TOPIC_INVALID"),
        ("pcb/cam1/frame-ref", b"not json", "UNREADABLE_FRAME"),
        ("pcb/cam1/frame-ref", b'{"url":"x","seq":"short"}', "BAD_PROPERTY"),
        ("pcb/cam1/status", b"online", "UNREADABLE_NOTICE"),
        ("pcb/cam1/ack", b'{"trigger_id":"t","disposition":"MAYBE"}', "UNREADABLE_NOTICE"),
        ("pcb/cam1/count", b'{"triggers":-1,"since":"2026-01-31T12:00:00Z"}', "UNREADABLE_NOTICE"),
        (
            "pcb/cam1/count",
            b'{"triggers":1,"since":"2026-01-31T12:00Z","until":"2026-01-31T12:00Z"}',
            "UNREADABLE_NOTICE",
        ),
    ],
)
async def test_unreadable_message_is_counted_and_the_line_goes_on(
    broker: Broker, device: Device, client_id: str, topic: str, payload: bytes, kind: str
) -> None:
    desk = Desk()
    intake = await opened(broker, desk, client_id)
    device.say(topic, payload)
    device.say("pcb/cam1/frame", b"jpeg", trigger_id="after")
    await until(lambda: bool(desk.frames))
    assert kind in [told for told, _ in desk.complaints]
    await intake.close()


async def test_gate_and_plc_are_heard(broker: Broker, device: Device, client_id: str) -> None:
    desk = Desk()
    intake = await opened(broker, desk, client_id)
    device.say("pcb/cam1/ack", b'{"trigger_id":"t-1","disposition":"REJECT","at":"2026-01-31T13:00:00+01:00"}')
    period = b'"since":"2026-01-31T06:00:00Z","until":"2026-01-31T14:00:00Z"'
    device.say("pcb/cam1/count", b'{"triggers":1200,' + period + b"}")
    await until(lambda: bool(desk.acks and desk.counts))
    [ack], [count] = desk.acks, desk.counts
    assert (ack.key, ack.disposition, ack.at.isoformat()) == (
        ("pcb", "cam1", "t-1"),
        "REJECT",
        "2026-01-31T12:00:00+00:00",
    )
    assert (count.line, count.camera, count.triggers) == ("pcb", "cam1", 1200)
    assert (count.until - count.since).total_seconds() == 8 * 3600
    await intake.close()


async def test_acknowledgement_of_a_gate_comes_again_until_it_is_stored(
    broker: Broker, device: Device, client_id: str
) -> None:
    first = Desk(finishing=False)
    killed = await opened(broker, first, client_id)
    device.say("pcb/cam1/ack", b'{"trigger_id":"t-1","disposition":"PASS"}')
    await until(lambda: bool(first.acks))
    kill(killed)
    second = Desk()
    intake = await opened(broker, second, client_id)
    await until(lambda: bool(second.acks))
    assert [ack.key.trigger_id for ack in second.acks] == ["t-1"]
    await intake.close()
    third = Desk()
    again = await opened(broker, third, client_id)
    assert third.acks == [], "what was stored is not sent again"
    await again.close()


async def test_camera_status_is_heard(broker: Broker, device: Device, client_id: str) -> None:
    desk = Desk()
    intake = await opened(broker, desk, client_id)
    device.say("pcb/cam1/status", b'{"state":"online","firmware":"3"}')
    await until(lambda: bool(desk.statuses))
    assert desk.statuses == [("pcb", "cam1", "online")]
    await intake.close()


async def test_frames_of_a_killed_station_come_again_in_order_and_none_is_lost(
    broker: Broker, device: Device, client_id: str
) -> None:
    first = Desk(finishing=False)
    killed = await opened(broker, first, client_id)
    for seq in range(5):
        device.say("pcb/cam1/frame", b"jpeg", trigger_id=f"t-{seq}", seq=str(seq))
    await until(lambda: len(first.frames) == 5)
    kill(killed)
    for seq in range(5, 8):
        device.say("pcb/cam1/frame", b"jpeg", trigger_id=f"t-{seq}", seq=str(seq))
    second = Desk()
    intake = await opened(broker, second, client_id)
    await until(lambda: len(second.frames) == 8)
    assert second.seqs == list(range(8))
    assert [frame.redelivered for frame in second.frames[:5]] == [True] * 5
    await intake.close()


async def test_finished_frames_do_not_come_again(broker: Broker, device: Device, client_id: str) -> None:
    desk = Desk()
    intake = await opened(broker, desk, client_id)
    for seq in range(5):
        device.say("pcb/cam1/frame", b"jpeg", trigger_id=f"t-{seq}")
    await until(lambda: len(desk.frames) == 5)
    await intake.close()
    again = Desk()
    intake = await opened(broker, again, client_id)
    await asyncio.sleep(0.5)
    assert again.frames == []
    await intake.close()


async def test_station_holds_no_more_frames_than_its_window(broker: Broker, device: Device, client_id: str) -> None:
    desk = Desk(finishing=False)
    intake = await opened(broker, desk, client_id, window=4)
    for seq in range(12):
        device.say("pcb/cam1/frame", b"jpeg", trigger_id=f"t-{seq}", seq=str(seq))
    await until(lambda: len(desk.frames) == 4)
    await asyncio.sleep(0.3)
    assert intake.in_hand == 4
    desk.may_finish.set()
    await until(lambda: len(desk.frames) == 12)
    assert desk.seqs == list(range(12))
    await intake.close()


async def test_a_camera_that_sends_too_much_delays_its_own_frames_only(
    broker: Broker, device: Device, client_id: str
) -> None:
    desk = Desk(finishing=False)
    intake = await opened(broker, desk, client_id, window=4)
    for number in range(60):
        device.say("pcb/cam2/frame", b"jpeg", trigger_id=f"f-{number}")
    device.say("pcb/cam1/frame", b"jpeg", trigger_id="t-1")
    await until(lambda: intake._room.messages == 57)
    desk.may_finish.set()
    await until(lambda: len(desk.frames) == 61)
    assert [frame.key.camera for frame in desk.frames].index("cam1") == 4, "the first behind the window"
    assert intake._room.messages == 0
    await intake.close()


async def test_undeclared_cameras_of_a_line_share_one_turn(broker: Broker, device: Device, client_id: str) -> None:
    desk = Desk(finishing=False)
    intake = await opened(broker, desk, client_id, window=2)
    for number in range(10):
        device.say(f"pcb/nobody-{number}/frame", b"jpeg", trigger_id=f"n-{number}")
    for number in range(2):
        device.say("pcb/cam1/frame", b"jpeg", trigger_id=f"t-{number}")
    await until(lambda: intake._room.messages == 10)
    desk.may_finish.set()
    await until(lambda: len(desk.frames) == 12)
    cameras = [frame.key.camera for frame in desk.frames]
    assert max(place for place, camera in enumerate(cameras) if camera == "cam1") <= 5
    await intake.close()


async def test_frames_that_wait_are_answered_without_pictures_when_the_ledger_goes_away(
    broker: Broker, device: Device, client_id: str
) -> None:
    desk = Desk(finishing=False)
    intake = await opened(broker, desk, client_id, window=2)
    for number in range(8):
        device.say("pcb/cam1/frame", b"jpeg", trigger_id=f"t-{number}", seq=str(number))
    await until(lambda: intake._room.messages == 6)
    desk.ledger_away = True
    await until(lambda: len(desk.answered) == 6)
    desk.ledger_away = False
    desk.may_finish.set()
    await until(lambda: len(desk.frames) >= 8)
    assert {frame.seq: frame.payload for frame in desk.frames} == dict.fromkeys(range(8), b"jpeg")
    await intake.close()


# ---------------------------------------------------------------------- publishing


def verdict(number: int) -> OutgoingMessage:
    return OutgoingMessage(f"result-{number}", TOPICS.verdict("pcb", "cam1"), b"{}", confirms=True)


async def test_a_flood_of_undeclared_cameras_is_counted_and_takes_no_room_of_a_declared_one(
    broker: Broker, device: Device, client_id: str
) -> None:
    """The window has room for those that have a turn, and for one frame of the declared camera."""
    desk = Desk(finishing=False)
    intake = await opened(broker, desk, client_id, window=TURNS + 1)
    held_up = 10 * TURNS
    intake._undeclared = UndeclaredFrames(desk.on_undeclared, lambda *_: None)
    for number in range(held_up):
        device.say(f"pcb/nobody-{number}/frame", b"jpeg", trigger_id=f"n-{number}")
    device.say("pcb/cam1/frame", b"jpeg", trigger_id="t-1")
    await until(lambda: desk.frames[-1:] != [] and desk.frames[-1].key.camera == "cam1")
    assert len(desk.frames) == TURNS + 1
    intake._undeclared._renew()
    assert desk.undeclared == {"pcb": held_up - TURNS}
    desk.may_finish.set()
    await intake.close()


async def test_two_services_of_one_name_are_told_that_they_take_turns(broker: Broker, client_id: str) -> None:
    desks = Desk(), Desk()
    intakes = [await opened(broker, desk, client_id) for desk in desks]
    told = [desk.complaints for desk in desks]
    await until(lambda: any(kind == "BROKER_UNSTEADY" for said in told for kind, _ in said), 45.0)
    for intake in intakes:
        await intake.close()


async def test_published_message_is_confirmed_by_the_broker(broker: Broker, client_id: str) -> None:
    publisher = MqttPublisher(broker, TOPICS, client_id)
    await publisher.start()
    await publisher.wait_online()
    await asyncio.wait_for(publisher.publish(verdict(1)), 5)
    await until(lambda: list(publisher.echoed_ids()) == ["result-1"])
    publisher.forget_echoes(["result-1"])
    assert publisher.echoed_ids() == []
    await publisher.close()


async def test_next_life_learns_from_echoes_what_was_published(broker: Broker, client_id: str) -> None:
    killed = MqttPublisher(broker, TOPICS, client_id)
    await killed.start()
    await killed.wait_online()
    await asyncio.gather(*(killed.publish(verdict(number)) for number in (1, 2, 3)))
    await until(lambda: len(killed.echoed_ids()) == 3)
    killed.forget_echoes(["result-1"])
    await asyncio.sleep(0.2)
    killed._client.loop_stop()
    sock = killed._client.socket()
    assert sock is not None
    sock.close()
    publisher = MqttPublisher(broker, TOPICS, client_id)
    await publisher.start()
    await publisher.wait_online()
    assert sorted(publisher.echoed_ids()) == ["result-2", "result-3"]
    await publisher.close()


async def test_publishing_without_a_broker_says_so_at_once(client_id: str) -> None:
    publisher = MqttPublisher(Broker(port=9), TOPICS, client_id)
    await publisher.start()
    with pytest.raises(BrokerError, match="no connection"):
        await publisher.publish(verdict(1))
    await publisher.close()


async def test_broker_restart_loses_no_message_and_repeats_none(tmp_path: Path, client_id: str) -> None:
    with local_broker(tmp_path, prefer="mosquitto") as first:
        address = Broker(first.host, first.port)
        publisher = MqttPublisher(address, TOPICS, client_id)
        await publisher.start()
        await publisher.wait_online()
        await publisher.publish(verdict(1))
        publisher.forget_echoes(["result-1"])
        await asyncio.sleep(0.2)
    await until(lambda: not publisher._online.is_set())
    with pytest.raises(BrokerError):
        await publisher.publish(verdict(2))
    with local_broker(tmp_path, port=address.port, prefer="mosquitto"):
        await asyncio.wait_for(publisher.wait_online(), 15)
        await asyncio.wait_for(publisher.publish(verdict(2)), 5)
        await until(lambda: list(publisher.echoed_ids()) == ["result-2"])
        await publisher.close()


async def test_what_was_on_its_way_when_the_connection_broke_is_not_sent_by_itself(
    tmp_path: Path, client_id: str
) -> None:
    with KillableBroker(tmp_path / "broker") as broker:
        publisher = MqttPublisher(Broker(HOST, broker.port), TOPICS, client_id)
        await publisher.start()
        await publisher.wait_online()
        os.kill(broker.pid, signal.SIGSTOP)
        on_its_way = asyncio.create_task(publisher.publish(verdict(1)))
        await asyncio.sleep(0.2)
        with broker.dead():
            with pytest.raises(BrokerError, match="broke"):
                await asyncio.wait_for(on_its_way, 10)
            await asyncio.sleep(2.5)  # longer than until the first try to connect again
        await asyncio.wait_for(publisher.wait_online(), 15)
        assert publisher.echoed_ids() == []
        await asyncio.wait_for(publisher.publish(verdict(2)), 5)
        await until(lambda: list(publisher.echoed_ids()) == ["result-2"])
        await publisher.close()


async def test_service_state_says_offline_when_the_station_dies(broker: Broker, client_id: str) -> None:
    heard: list[bytes] = []
    watcher = new_client(broker, "watcher", persistent=False)
    watcher.on_connect = lambda client, *_: client.subscribe(TOPICS.state, qos=1)
    watcher.on_message = lambda _client, _userdata, message: heard.append(message.payload)
    connect(watcher, broker, persistent=False)
    publisher = MqttPublisher(broker, TOPICS, client_id)
    await publisher.start()
    await publisher.wait_online()
    await until(lambda: any(b"ONLINE" in payload for payload in heard))
    publisher._client.loop_stop()
    sock = publisher._client.socket()
    assert sock is not None
    sock.close()
    await until(lambda: b"OFFLINE" in heard[-1])
    watcher.disconnect()
    watcher.loop_stop()


async def test_while_the_ledger_is_away_frames_beyond_the_window_are_answered_and_come_again(
    broker: Broker, device: Device, client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.adapters.mqtt.intake.ROOM_CHECK_S", 5.0)  # no frame waits even that long
    desk = Desk(finishing=False)
    intake = await opened(broker, desk, client_id, window=2)
    desk.ledger_away = True
    for number in range(8):
        device.say("pcb/cam1/frame", b"jpeg", trigger_id=f"t-{number}", seq=str(number))
    await until(lambda: len(desk.answered) == 6)
    assert {frame.payload for frame in desk.answered} == {b""}
    assert desk.seqs == [0, 1]
    desk.ledger_away = False
    desk.may_finish.set()
    await until(lambda: len(desk.frames) >= 8)
    assert {frame.seq: frame.payload for frame in desk.frames} == dict.fromkeys(range(8), b"jpeg")
    assert all(frame.redelivered for frame in desk.frames[2:])
    await intake.close()
