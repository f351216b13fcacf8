"""Heartbeats of all stations, heard from elsewhere through a real broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client

from inspector.adapters.mqtt.connection import Broker, connect, new_client
from inspector.adapters.mqtt.heartbeats import HeartbeatListener
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.messages.outgoing import Heartbeat, to_json
from inspector.messages.topics import Topics
from inspector.utc import utc_now

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
TOPICS = Topics("plant/v1")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with local_broker(tmp_path, prefer="mosquitto") as running:
        yield Broker(running.host, running.port)


@pytest.fixture
def plant(broker: Broker) -> Iterator[Client]:
    client = new_client(broker, "plant", persistent=False)
    connect(client, broker, persistent=False)
    yield client
    client.disconnect()
    client.loop_stop()


def beat(station: int, in_flight: int) -> bytes:
    return to_json(
        Heartbeat(station=station, count=1, in_flight=in_flight, queued=2, judging=1, outbox=7, at=utc_now())
    )


def test_last_heartbeat_of_every_station_is_known(broker: Broker, plant: Client) -> None:
    pulses = HeartbeatListener(broker, TOPICS, "site")
    pulses.start()
    end = time.monotonic() + 30.0
    while [pulse.in_hand for pulse in pulses.last()] != [4, 9]:
        assert time.monotonic() < end, "waited in vain"
        plant.publish(TOPICS.heartbeat, b"no heartbeat", qos=1)
        plant.publish(TOPICS.of_station(TOPICS.heartbeat, 1), beat(1, 9), qos=1)
        plant.publish(TOPICS.heartbeat, beat(0, 3), qos=1)
        plant.publish(TOPICS.heartbeat, beat(0, 4), qos=1)
        time.sleep(0.05)
    first, second = pulses.last()
    assert (first.station, first.queued, first.judging, first.unconfirmed, second.station) == (0, 2, 1, 7, 1)
    pulses.stop()


def test_without_a_broker_nothing_is_heard_and_nothing_breaks() -> None:
    pulses = HeartbeatListener(Broker(port=9), TOPICS, "site")
    pulses.start()
    assert pulses.last() == []
    pulses.stop()
