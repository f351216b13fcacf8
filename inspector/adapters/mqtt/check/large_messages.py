"""Measures which stream of large messages a broker carries: each is published, delivered and acknowledged once."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from inspector.adapters.mqtt.connection import Broker, connect, new_client
from inspector.errors import BrokerError
from inspector.messages.topics import Topics

NUMBER_BYTES: Final = 8
CONNECT_TIMEOUT_S: Final = 5.0
MAX_UNACKNOWLEDGED: Final = 64  # messages in this process; the next one waits, and its wait counts as latency
RECEIVE_MAXIMUM: Final = 64
RECEIVING_THREADS: Final = 4
QUIET_S: Final = 5.0  # without a further message the run ends

Write = Callable[[int], bytes]  # makes the message of this number
Read = Callable[[bytes], object]  # what the receiver does with one message; raises if it is not sound


class CarriedMessages(NamedTuple):
    """What became of a stream. Latency: from the time at which a message was due until it was read, in ms."""

    sent: int
    latencies_ms: Sequence[float]
    seconds: float


class MessageStream:
    """One publisher, one subscriber, one topic. Belongs to one run."""

    def __init__(self, broker: Broker, topic: str, client_id: str, read: Read) -> None:
        self._topic = topic
        self._read = read
        self._subscribed = threading.Event()
        self._free = threading.Semaphore(MAX_UNACKNOWLEDGED)
        self._threads = ThreadPoolExecutor(RECEIVING_THREADS, thread_name_prefix="messages")
        self.arrived: dict[int, float] = {}
        self.last_s = time.monotonic()
        self._subscriber = new_client(broker, f"{client_id}-in", persistent=False, manual_ack=True, reconnects=False)
        self._publisher = new_client(broker, f"{client_id}-out", persistent=False, reconnects=False)
        self._subscriber.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._subscriber.on_subscribe = lambda *_: self._subscribed.set()
        self._subscriber.on_message = lambda _client, _data, message: self._threads.submit(self._receive, message)
        self._publisher.on_publish = lambda *_: self._free.release()
        connect(self._subscriber, broker, persistent=False, receive_maximum=RECEIVE_MAXIMUM)
        connect(self._publisher, broker, persistent=False)

    def wait_ready(self) -> None:
        if not self._subscribed.wait(CONNECT_TIMEOUT_S):
            raise BrokerError("not measured: the broker can't be used; correct what inspector check names")

    def send(self, number: int, message: bytes) -> None:
        """Publish one message. Raises BrokerError when the broker takes none any more."""
        if not self._free.acquire(timeout=QUIET_S):
            raise BrokerError(f"the broker acknowledged none of {MAX_UNACKNOWLEDGED} messages; see its size limit")
        self._publisher.publish(self._topic, number.to_bytes(NUMBER_BYTES) + message, qos=1)

    def wait_until_quiet(self, wanted: int) -> None:
        while len(self.arrived) < wanted and time.monotonic() - self.last_s < QUIET_S:
            time.sleep(0.02)

    def close(self) -> None:
        for client in (self._publisher, self._subscriber):
            client.disconnect()
            client.loop_stop()
        self._threads.shutdown(cancel_futures=True)

    def _receive(self, message: Any) -> None:
        number = int.from_bytes(message.payload[:NUMBER_BYTES])
        self._read(message.payload[NUMBER_BYTES:])
        self.last_s = time.monotonic()
        self.arrived.setdefault(number, self.last_s)
        self._subscriber.ack(message.mid, message.qos)


def carry_messages(
    broker: Broker, topics: Topics, client_id: str, write: Write, read: Read, *, count: int, rate_per_s: float
) -> CarriedMessages:
    """Send `count` messages at a rate, and read them as they come. Raises BrokerError."""
    with _stream(broker, f"{topics.probe}/{secrets.token_hex(4)}", client_id, read) as stream:
        start_s = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, start_s + number / rate_per_s - time.monotonic()))
            stream.send(number, write(number))
        stream.wait_until_quiet(count)
        arrived = dict(stream.arrived)
    latencies = [(at_s - start_s - number / rate_per_s) * 1000.0 for number, at_s in arrived.items()]
    return CarriedMessages(count, latencies, max(arrived.values(), default=start_s) - start_s)


@contextmanager
def _stream(broker: Broker, topic: str, client_id: str, read: Read) -> Iterator[MessageStream]:
    stream = MessageStream(broker, topic, client_id, read)
    try:
        stream.wait_ready()
        yield stream
    finally:
        stream.close()
