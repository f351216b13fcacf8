"""A client that keeps to no contract: it takes any client id and publishes any message. For fault injection only."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTMessageInfo
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from inspector.adapters.mqtt.connection import Broker, connect, new_client, user_properties
from inspector.errors import BrokerError

CONNECT_TIMEOUT_S: Final = 10.0
FLUSH_TIMEOUT_S: Final = 5.0


class StrayClient:
    """One connection as a context manager; it does not come back after it was closed.

    With the `client_id` of a session that exists it takes that session over, and acknowledges what it receives:
    `taken` holds the trigger_ids of those frames. Raises BrokerError without a connection.
    """

    def __init__(self, broker: Broker, client_id: str, *, persistent: bool = False) -> None:
        self.taken: set[str] = set()
        self._broker = broker
        self._persistent = persistent
        self._online = threading.Event()
        self._client = new_client(broker, client_id, persistent=persistent, reconnects=False)
        self._last: MQTTMessageInfo | None = None
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        connect(self._client, self._broker, persistent=self._persistent)
        if not self._online.wait(CONNECT_TIMEOUT_S):
            self._client.loop_stop()
            raise BrokerError(f"broker {self._broker.address} does not let a stray client in; see the broker's log")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(
        self, topic: str, payload: bytes, properties: Mapping[str, str], *, response_topic: str | None = None
    ) -> None:
        """Publish with QoS 1 and return at once."""
        sent = Properties(PacketTypes.PUBLISH)
        sent.UserProperty = list(properties.items())
        if response_topic is not None:
            sent.ResponseTopic = response_topic
        self._last = self._client.publish(topic, payload, qos=1, properties=sent)

    def flush(self) -> None:
        """Wait until the broker has the last message, for a short time."""
        if self._last is not None:
            self._last.wait_for_publish(FLUSH_TIMEOUT_S)

    def _on_connect(
        self, _client: Client, _userdata: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if not code.is_failure:
            self._online.set()

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        if trigger_id := user_properties(message.properties).get("trigger_id"):
            self.taken.add(trigger_id)
