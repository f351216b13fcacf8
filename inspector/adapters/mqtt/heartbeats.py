"""Receives the heartbeats of all stations, for processes that watch the service."""

from __future__ import annotations

import logging
import secrets

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import ValidationError

from inspector.adapters.mqtt.connection import Broker, connect, new_client, refusal
from inspector.messages.outgoing import Heartbeat
from inspector.messages.topics import Topics
from inspector.ports.metrics import StationStatus
from inspector.utc import utc_now

log = logging.getLogger(__name__)


class HeartbeatListener:
    """Holds the last heartbeat of each station. Thread-safe; without a broker it has none."""

    def __init__(self, broker: Broker, topics: Topics, site: str) -> None:
        self._broker = broker
        self._topics = topics
        self._last: dict[int, StationStatus] = {}
        self._client = new_client(broker, f"{site}-pulses-{secrets.token_hex(4)}", persistent=False)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Start connecting. Raises BrokerError for an invalid address."""
        connect(self._client, self._broker, persistent=False)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def last(self) -> list[StationStatus]:
        """Return the last status of every station, by number."""
        last = self._last.copy()
        return [last[station] for station in sorted(last)]

    # ------------------------------------------------------------------ paho's thread

    def _on_connect(
        self, client: Client, _userdata: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if refusal(self._broker, code):
            return
        client.subscribe([(self._topics.heartbeat, 0), (f"{self._topics.heartbeat}/+", 0)])

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        """Handle a message without raising: an exception would end paho's thread."""
        try:
            beat = Heartbeat.model_validate_json(message.payload)
        except ValidationError as error:
            log.warning("no heartbeat on %s: %s", message.topic, error.errors()[0]["msg"])
            return
        self._last[beat.station] = StationStatus(
            beat.station,
            utc_now(),
            beat.in_flight,
            beat.queued,
            beat.judging,
            beat.outbox,
            beat.ledger_away,
            beat.model_away,
        )
