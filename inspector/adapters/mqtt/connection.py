"""How to reach a broker, and paho clients for it. Settings arrive as values."""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from inspector.adapters.mqtt.connection_faults import refusal_hint
from inspector.adapters.mqtt.robust_client import RobustClient
from inspector.adapters.mqtt.tls import Tls, tls_context
from inspector.errors import BrokerError

log = logging.getLogger(__name__)

KEEPALIVE_S: Final = 60
SESSION_EXPIRY_S: Final = 7 * 24 * 3600  # a weekend of downtime must not lose the frames of Friday's last minute


@dataclass(frozen=True, slots=True)
class Broker:
    """An MQTT broker. `protocol` 3.1.1 is for brokers without MQTT 5, where properties are not available.

    `tls` None: the connection is not encrypted.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def speaks_v5(self) -> bool:
        return self.protocol == "5"


def new_client(
    broker: Broker, client_id: str, *, persistent: bool, manual_ack: bool = False, reconnects: bool = True
) -> RobustClient:
    """Create a client that is not connected yet.

    A persistent one needs the same client_id at every start. One that does not reconnect tries once. Raises BrokerError
    for unusable certificates.
    """
    client = RobustClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTv5 if broker.speaks_v5 else MQTTv311,
        clean_session=None if broker.speaks_v5 else not persistent,
        manual_ack=manual_ack,
        reconnect_on_failure=reconnects,
    )
    client.reconnect_delay_set(min_delay=1, max_delay=5)
    client.max_inflight_messages_set(1000)
    client.max_queued_messages_set(0)
    if broker.username:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls is not None:
        client.tls_set_context(tls_context(broker.tls))
    client.on_socket_open = _send_at_once
    return client


def connect(client: Client, broker: Broker, *, persistent: bool, receive_maximum: int | None = None) -> None:
    """Start connecting in the background; paho retries until it succeeds."""
    options: dict[str, Any] = {}
    if broker.speaks_v5:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_S if persistent else 0
        if receive_maximum:
            properties.ReceiveMaximum = receive_maximum
        options = {"clean_start": not persistent, "properties": properties}
    try:
        client.connect_async(broker.host, broker.port, KEEPALIVE_S, **options)
        client.loop_start()
    except (OSError, ValueError) as error:
        raise BrokerError(f"broker {broker.address}: {error}; check host and port") from error


def refusal(broker: Broker, code: ReasonCode) -> str:
    """Return why the broker refused the connection, and log it; empty if it did not."""
    if not code.is_failure:
        return ""
    problem = f"broker {broker.address} refuses the connection: {code}; {refusal_hint(str(code))}"
    log.error(problem)
    return problem


def user_properties(properties: Properties | None) -> dict[str, str]:
    """Return the user properties as a dict; the last value of a repeated name counts."""
    return dict(getattr(properties, "UserProperty", None) or ())


def _send_at_once(_client: Client, _userdata: object, sock: Any) -> None:
    """Disable Nagle's algorithm, which would delay small verdicts by up to 40 ms."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
