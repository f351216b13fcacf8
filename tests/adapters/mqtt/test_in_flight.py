"""How many frames a broker delivers unacknowledged, measured at a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.adapters.mqtt.check.in_flight import measure_in_flight
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.errors import BrokerError
from inspector.messages.topics import Topics
from inspector.operations.check import run_checks
from inspector.settings import Settings

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")


def test_broker_delivers_as_many_as_the_station_asks_for(tmp_path: Path) -> None:
    with local_broker(tmp_path, prefer="mosquitto") as running:
        broker = Broker(running.host, running.port)
        assert measure_in_flight(broker, Topics("plant/v1"), "plant-station-probe", 300) == 300
        settings = Settings(data=tmp_path / "data", broker_host=running.host, broker_port=running.port)
        found = {result.check: result.found for result in run_checks(settings)}["frames in flight"]
    assert found.startswith("the broker delivers 4096 of 4096 frames")


def test_limit_of_the_broker_itself_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = mosquitto.config

    def config(*args: object, **settings: object) -> str:
        return limited(*args, **settings).replace("max_inflight_messages 0", "max_inflight_messages 30")  # type: ignore[arg-type]

    monkeypatch.setattr(mosquitto, "config", config)
    with local_broker(tmp_path, prefer="mosquitto") as running:
        broker = Broker(running.host, running.port, "3.1.1")  # which has no Receive Maximum
        assert measure_in_flight(broker, Topics("plant/v1"), "plant-station-probe", 300) == 30


def test_broker_that_is_away_is_an_error() -> None:
    with pytest.raises(BrokerError, match="can't be used"):
        measure_in_flight(Broker(port=9), Topics("plant/v1"), "plant-station-probe", 300)
