"""A short session with a broker: connect, read its answer, exchange a few packets, disconnect.

Drives a paho client by hand in the caller's thread, within a time limit. The caller interprets the outcome.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from inspector.adapters.mqtt.connection import Broker, new_client
from inspector.adapters.mqtt.robust_client import RobustClient

POLL_S: Final = 0.02


class Connack(NamedTuple):
    """The broker's answer to CONNECT. `limits` holds its MQTT 5 properties by name."""

    accepted: bool
    reason: str
    session_present: bool
    limits: dict[str, Any]


class BrokerSession:
    """One connection. Every wait ends with its condition, the connection's end, or `timeout_s`."""

    def __init__(self, client: RobustClient, timeout_s: float) -> None:
        self.client = client
        self.connack: Connack | None = None
        self._timeout_s = timeout_s
        client.on_connect = self._take_connack

    @property
    def accepted(self) -> bool:
        return self.connack is not None and self.connack.accepted

    def until(self, done: Callable[[], bool]) -> bool:
        """Process packets until `done` is true; return False if it did not become true."""
        end = time.monotonic() + self._timeout_s
        while not done() and time.monotonic() < end:
            if self.client.loop(POLL_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        return done()

    def _take_connack(self, _client: Client, _user: object, flags: Any, reason: Any, properties: Any) -> None:
        limits = properties.json() if isinstance(properties, Properties) else {}
        self.connack = Connack(not reason.is_failure, str(reason), flags.session_present, limits)


@contextmanager
def open_session(
    broker: Broker, client_id: str = "", *, timeout_s: float, fresh: bool = True, keep_s: int = 0
) -> Iterator[BrokerSession]:
    """Connect and wait for the answer.

    `fresh` drops the session stored for `client_id`; `keep_s` asks the broker to store it that long (MQTT 5). Raises
    OSError if no connection is established.
    """
    client = new_client(broker, client_id, persistent=not fresh)
    client.connect_timeout = timeout_s
    session = BrokerSession(client, timeout_s)
    client.connect(broker.host, broker.port, **session_options(broker, fresh, keep_s))
    try:
        session.until(lambda: session.connack is not None)
        yield session
    finally:
        client.disconnect()


def session_options(broker: Broker, fresh: bool, keep_s: int) -> dict[str, Any]:
    """Return the MQTT 5 options for connecting. MQTT 3.1.1 sets them when the client is created."""
    if not broker.speaks_v5:
        return {}
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = keep_s
    return {"clean_start": fresh, "properties": properties}
