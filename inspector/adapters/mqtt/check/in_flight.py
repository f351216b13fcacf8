"""Measures how many messages a broker delivers before the first is acknowledged.

A broker may deliver less than the client's Receive Maximum allows, and does not say so. Only this many frames get an
answer while the ledger is away.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any, Final

from inspector.adapters.mqtt.connection import Broker, connect, new_client
from inspector.errors import BrokerError
from inspector.messages.topics import Topics

QUIET_S: Final = 1.0  # without a further message, the broker waits for an acknowledgement
CONNECT_TIMEOUT_S: Final = 3.0


class DeliveryCounter:
    """A client that receives its own messages and acknowledges none."""

    def __init__(self, broker: Broker, client_id: str, topic: str) -> None:
        self._topic = topic
        self._subscribed = threading.Event()
        self.delivered = 0
        self.client = new_client(broker, client_id, persistent=False, manual_ack=True, reconnects=False)
        self.client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._count

    def count(self, wanted: int) -> int:
        """Publish `wanted` messages; return how many arrive. Raises BrokerError where nothing can be received."""
        if not self._subscribed.wait(CONNECT_TIMEOUT_S):
            raise BrokerError("not measured: the broker can't be used; correct what the check of the broker names")
        for _ in range(wanted):
            self.client.publish(self._topic, b"", qos=1)
        last, since_s = -1, time.monotonic()
        while self.delivered < wanted and time.monotonic() - since_s < QUIET_S:
            if self.delivered != last:
                last, since_s = self.delivered, time.monotonic()
            time.sleep(QUIET_S / 20)
        if not self.delivered:
            raise BrokerError(
                f"not measured: no message to {self._topic} came back; allow the station's user to use it"
            )
        return self.delivered

    def _count(self, *_: Any) -> None:
        self.delivered += 1


def measure_in_flight(broker: Broker, topics: Topics, client_id: str, wanted: int) -> int:
    """Return how many messages the broker delivers without an acknowledgement, up to `wanted`. Raises BrokerError."""
    counter = DeliveryCounter(broker, client_id, f"{topics.probe}/{secrets.token_hex(4)}")
    connect(counter.client, broker, persistent=False, receive_maximum=wanted)
    try:
        return counter.count(wanted)
    finally:
        counter.client.disconnect()
        counter.client.loop_stop()
