"""The line's side of the contract: a camera and a gate in one client, for simulated and replayed lines.

Publishes frames like a camera and receives verdicts like a gate. The service itself never uses it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from pydantic import ValidationError

from inspector.adapters.mqtt.connection import Broker, connect, new_client
from inspector.adapters.mqtt.connection_faults import tls_hint
from inspector.adapters.mqtt.robust_client import RobustClient
from inspector.errors import BrokerError
from inspector.messages.outgoing import VerdictMessage
from inspector.messages.topics import Topics
from inspector.utc import utc_now

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 10.0
PACKET_OVERHEAD_BYTES: Final = 4096  # bytes of topic and properties of a frame


@dataclass(frozen=True, slots=True)
class Exposure:
    """One picture to publish. `is_ng` is its label, None if unknown; it never leaves this process."""

    trigger_id: str
    payload: bytes
    content_type: str = "image/jpeg"
    seq: int | None = None
    part_id: str | None = None
    product: str | None = None
    captured_at: datetime | None = None
    deadline_ms: float | None = None
    is_simulated: bool = True
    template: str | None = None
    traceparent: str | None = None
    is_ng: bool | None = None


@dataclass(slots=True)
class Journey:
    """The course of one exposure: sent, accepted by the broker, and every verdict with its time (monotonic seconds).

    The exposure is kept without its picture, so that a long run stays small.
    """

    line: str
    exposure: Exposure
    sent_s: float
    accepted: bool = False
    verdicts: list[tuple[float, VerdictMessage]] = field(default_factory=list)


class LineClient:
    """A camera and gate of one line, as a context manager: connects on entry, publishes offline on exit."""

    def __init__(
        self,
        broker: Broker,
        topics: Topics,
        line: str,
        camera: str,
        name: str,
        on_verdict: Callable[[Journey], None] | None = None,
    ) -> None:
        """Prepare a client. `on_verdict` is called in the client's thread with the first verdict of each part."""
        self.line = line
        self.camera = camera
        self._broker = broker
        self._topics = topics
        self._on_verdict = on_verdict
        self._journeys: dict[str, Journey] = {}
        self._unconfirmed: dict[int, Journey] = {}
        self._confirmed_early: set[int] = set()
        self._open = 0
        self._changed = threading.Condition()
        self._online = threading.Event()
        self._refused = ""
        self._limit = 0
        self._client = new_client(broker, f"{name}-{line}-{camera}", persistent=True)
        self._client.will_set(self._topic("status"), b'{"state":"offline"}', qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish

    def __enter__(self) -> Self:
        """Connect. Raises BrokerError if there is no connection within CONNECT_TIMEOUT_S."""
        connect(self._client, self._broker, persistent=True)
        if not self._online.wait(CONNECT_TIMEOUT_S):
            self._client.loop_stop()
            why = self._refused or "no answer"
            raise BrokerError(
                f"broker {self._broker.address}: {why}; is it running? `inspector check` shows the reason"
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        offline_status = self._client.publish(self._topic("status"), b'{"state":"offline"}', qos=1, retain=True)
        with contextlib.suppress(RuntimeError):  # without a connection the broker publishes the last will
            offline_status.wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, exposure: Exposure) -> None:
        """Publish one frame and return at once; paho holds it until the broker has it.

        A trigger_id that was sent before continues its journey. Raises BrokerError for a frame that the broker would
        refuse: sending it would end the connection, again and again.
        """
        if self._limit and len(exposure.payload) + PACKET_OVERHEAD_BYTES > self._limit:
            raise BrokerError(
                f"a frame of {len(exposure.payload)} bytes exceeds the broker's limit of {self._limit}; "
                "raise message_size_limit there, or announce the picture on frame-ref"
            )
        journey = self._journey(exposure)
        topic = self._topic("frame") if self._broker.speaks_v5 else f"{self._topic('frame')}/{exposure.trigger_id}"
        info = self._client.publish(topic, exposure.payload, qos=1, properties=self._properties(exposure))
        self._await_receipt(info.mid, journey)

    def wait(self, timeout_s: float) -> bool:
        """Wait until every frame has a verdict; return False if none arrives for `timeout_s`."""
        with self._changed:
            while self._open:
                if not self._changed.wait(timeout_s):
                    return False
        return True

    def journeys(self) -> list[Journey]:
        """Return all frames in the order they were sent."""
        with self._changed:
            return list(self._journeys.values())

    def take_answered(self) -> list[Journey]:
        """Return the answered frames in the order they were sent, and forget them, so that a long run stays small."""
        with self._changed:
            taken = [journey for journey in self._journeys.values() if journey.accepted and journey.verdicts]
            for journey in taken:
                del self._journeys[journey.exposure.trigger_id]
        return taken

    def _journey(self, exposure: Exposure) -> Journey:
        with self._changed:
            journey = self._journeys.get(exposure.trigger_id)
            if journey is None:
                journey = Journey(self.line, replace(exposure, payload=b""), time.monotonic())
                self._journeys[exposure.trigger_id] = journey
                self._open += 1
        return journey

    def _await_receipt(self, mid: int, journey: Journey) -> None:
        """Register the message id, unless the broker has confirmed it already."""
        with self._changed:
            if mid in self._confirmed_early:
                self._confirmed_early.remove(mid)
                journey.accepted = True
            else:
                self._unconfirmed[mid] = journey

    def _topic(self, channel: str) -> str:
        return self._topics.camera(self.line, self.camera, channel)

    def _properties(self, exposure: Exposure) -> Properties | None:
        if not self._broker.speaks_v5:
            return None
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = exposure.content_type
        properties.CorrelationData = exposure.trigger_id.encode()
        captured_at = exposure.captured_at or utc_now()
        properties_given = {
            "trigger_id": exposure.trigger_id,
            "part_id": exposure.part_id,
            "template": exposure.template,
            "traceparent": exposure.traceparent,
            "product": exposure.product,
            "seq": exposure.seq,
            "captured_at": captured_at.isoformat(),
            "deadline_ms": exposure.deadline_ms,
            "sha256": hashlib.sha256(exposure.payload).hexdigest(),
            "is_simulated": int(exposure.is_simulated),
        }
        properties.UserProperty = [(name, str(value)) for name, value in properties_given.items() if value is not None]
        return properties

    def _on_connect(
        self, client: Client, _userdata: object, _flags: ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._refused = str(code)
            return
        self._limit = getattr(properties, "MaximumPacketSize", 0)
        verdicts = self._topics.verdict(self.line, self.camera)
        if self._broker.speaks_v5:
            client.subscribe(verdicts, options=SubscribeOptions(qos=1))
        else:
            client.subscribe(verdicts, qos=1)
        client.publish(self._topic("status"), b'{"state":"online"}', qos=1, retain=True)
        self._online.set()

    def _on_disconnect(
        self,
        client: RobustClient,
        _userdata: object,
        _flags: DisconnectFlags,
        _code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._refused = tls_hint(client.tls_error) or self._refused  # the next attempt begins without an error

    def _on_publish(
        self, _client: Client, _userdata: object, mid: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        with self._changed:
            journey = self._unconfirmed.pop(mid, None)
            if journey is None:
                self._confirmed_early.add(mid)
            elif not code.is_failure:
                journey.accepted = True

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        try:
            verdict = VerdictMessage.model_validate_json(message.payload)
        except ValidationError as error:
            log.error("unreadable verdict on %s: %s", message.topic, error)
            return
        with self._changed:
            journey = self._journeys.get(verdict.trigger_id)
            if journey is None:
                return
            is_first = not journey.verdicts
            self._open -= is_first
            journey.verdicts.append((time.monotonic(), verdict))
            self._changed.notify_all()
        if is_first and self._on_verdict is not None:
            self._on_verdict(journey)
