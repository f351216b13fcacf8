"""A stray client takes a session over and publishes what no contract allows, at a real broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.adapters.mqtt.check.session import open_session
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import free_port, local_broker
from inspector.adapters.mqtt.stray_client import StrayClient
from inspector.errors import BrokerError

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")


def test_frames_of_a_session_that_was_taken_over_are_gone(tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer="mosquitto") as local:
        broker = Broker(local.host, local.port)
        with open_session(broker, "station-0", timeout_s=30.0, fresh=False, keep_s=60) as station:
            granted: list[object] = []
            station.client.on_subscribe = lambda *_: granted.append("SUBACK")
            station.client.subscribe("line/cam1/frame", qos=1)
            assert station.until(lambda: bool(granted))
        with StrayClient(broker, "camera") as camera:
            camera.publish("line/cam1/frame", b"picture", {"trigger_id": "t-1"})
            camera.flush()
        with StrayClient(broker, "station-0", persistent=True) as intruder:
            intruder.publish("other", b"", {})
            intruder.flush()
        assert intruder.taken == {"t-1"}
        with open_session(broker, "station-0", timeout_s=1.0, fresh=False, keep_s=60) as station:
            received: list[object] = []
            station.client.on_message = lambda *message: received.append(message)
            station.until(lambda: False)
        assert received == []


def test_broker_that_is_away_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.adapters.mqtt.stray_client.CONNECT_TIMEOUT_S", 0.2)
    client = StrayClient(Broker("127.0.0.1", free_port("127.0.0.1", 0)), "camera")
    with pytest.raises(BrokerError, match="does not let a stray client in"):
        client.__enter__()
