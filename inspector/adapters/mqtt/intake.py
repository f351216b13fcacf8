"""Receives what cameras send: MQTT 5, QoS 1, a persistent session, acknowledged only after the commit.

paho's thread reads and parses; each frame is then inspected on the station's event loop. Memory is bounded: beyond
`window` frames in hand paho's thread waits, and after PATIENCE_S it hangs up, so that the frames wait on the broker.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from pydantic import ValidationError

from inspector.adapters.mqtt.ack_order import Receipts
from inspector.adapters.mqtt.connection import Broker, connect, new_client, refusal, user_properties
from inspector.adapters.mqtt.message_parser import Message, read, read_ack, read_count
from inspector.domain.frame import FrameKey
from inspector.errors import BrokerError, FrameError
from inspector.messages.incoming import CameraStatus
from inspector.messages.topics import FrameTopic, Topics
from inspector.ports.broker import MessageReceiver
from inspector.utc import utc_now

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]  # what a message asks for, to be done before it is acknowledged

PATIENCE_S: Final = 20.0  # far below the keepalive: while paho's thread waits it sends no pings
QOS: Final = 1
LOSSES, LOSSES_S = 5, 60.0  # connections lost in that time that a person should hear of


class Intake:
    """One station's subscription. `lines` None takes every line under the root."""

    def __init__(
        self,
        broker: Broker,
        topics: Topics,
        client_id: str,
        reception: MessageReceiver,
        *,
        lines: list[str] | None = None,
        window: int = 64,
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._reception = reception
        self._lines = lines
        self._window = window
        self._room = threading.Semaphore(window)
        self._in_hand = 0
        self._connection = 0
        self._parked = False
        self._closing = False
        self._refused = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._losses: deque[float] = deque(maxlen=LOSSES)
        self._client_id = client_id
        self._client = new_client(broker, client_id, persistent=True, manual_ack=True)
        self._receipts = Receipts(lambda mid: self._client.ack(mid, QOS))
        self._given_up: set[FrameKey] = set()
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    @property
    def in_hand(self) -> int:
        """Frames received and not yet finished."""
        return self._in_hand

    def start(self) -> None:
        """Starts receiving; call it on the event loop that inspects."""
        self._loop = asyncio.get_running_loop()
        connect(self._client, self._broker, persistent=True, receive_maximum=self._window)

    def check(self) -> None:
        """Raises BrokerError when frames can't come in and never will without help."""
        thread = self._client._thread
        if not self._closing and not self._parked and (thread is None or not thread.is_alive()):
            raise BrokerError("the thread that receives frames has ended")
        if self._refused:
            raise BrokerError(self._refused)

    async def close(self, timeout_s: float = 10.0) -> None:
        """Takes no more frames, finishes those in hand, acknowledges them, hangs up."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.to_thread(self._hang_up)

    def resubscribe(self, lines: list[str] | None) -> None:
        """Takes the frames of other lines from now on."""
        gone = [] if lines is None or self._lines is None else sorted(set(self._lines) - set(lines))
        self._lines = lines
        if self._client.is_connected():
            for line in gone:
                self._client.unsubscribe(self._filters(line))
            self._subscribe()

    # ------------------------------------------------------------------ paho's thread

    def _on_connect(
        self, _client: Client, _userdata: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._new_connection()
        self._refused = refusal(self._broker, code)
        if self._refused:
            return
        self._subscribe()
        log.info("receiving from %s", self._broker.address)

    def _subscribe(self) -> None:
        lines = ["+"] if self._lines is None else self._lines
        filters = [name for line in lines for name in self._filters(line)]
        if not filters:
            return
        if self._broker.speaks_v5:
            self._client.subscribe([(name, SubscribeOptions(qos=QOS)) for name in filters])
        else:
            self._client.subscribe([(name, QOS) for name in filters])

    def _filters(self, line: str) -> list[str]:
        return [
            self._topics.camera(line, "+", channel)
            for channel in ("frame", "frame/+", "frame-ref", "status", "ack", "count")
        ]

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._new_connection()
        if not self._closing and not self._parked:
            log.warning("connection to %s lost: %s", self._broker.address, code)
            self._count_loss(time.monotonic())

    def _count_loss(self, now_s: float) -> None:
        """Two clients of one name take the session from each other for ever, and brokers don't always say why."""
        self._losses.append(now_s)
        if len(self._losses) == LOSSES and now_s - self._losses[0] < LOSSES_S:
            self._note(
                "BROKER_UNSTEADY",
                f"connection lost {LOSSES} times in {LOSSES_S:.0f} s; if another service calls itself "
                f"{self._client_id!r} too, give one of the two another INSPECTOR_SITE",
            )

    def _new_connection(self) -> None:
        """Message ids of the last connection mean other messages on this one."""
        self._connection += 1
        self._receipts.forget()

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        """Never raises: an exception here would end paho's thread and with it the line."""
        if message.qos:
            self._receipts.expect(message.mid)
        try:
            self._receive(message)
        except Exception as error:
            log.exception("message on %s", message.topic)
            self._note("UNREADABLE_MESSAGE", f"{type(error).__name__} on {message.topic[:200]}: {error}")
            self._receipts.ready(message.mid)

    def _receive(self, message: MQTTMessage) -> None:
        topic = self._topics.parse(message.topic)
        if topic is None:
            self._note("UNKNOWN_TOPIC", f"nothing is read from {message.topic[:200]}")
            self._receipts.ready(message.mid)
        elif topic.channel in ("frame", "frame-ref"):
            self._receive_frame(topic, message)
        else:
            self._receive_notice(topic, message)

    def _receive_frame(self, topic: FrameTopic, message: MQTTMessage) -> None:
        try:
            reading = read(_message(topic, message))
        except FrameError as error:
            self._note("UNREADABLE_FRAME", f"{message.topic[:200]}: {error}", topic)
            self._receipts.ready(message.mid)
            return
        for complaint in reading.complaints:
            self._note("BAD_PROPERTY", complaint, topic)
        self._take(partial(self._reception.inspect, reading.frame), reading.frame.key, message)

    def _take(self, work: Work, key: FrameKey, message: MQTTMessage) -> None:
        """Has the work done on the event loop. Without room for it the message is not acknowledged, and the broker
        keeps it for the next connection."""
        if not self._closing and self._has_room():
            self._on_loop(self._begin, work, key, message.mid, self._connection)

    def _has_room(self) -> bool:
        """Waits for room for one more message; hangs up when none comes, and connects again when there is."""
        if self._room.acquire(timeout=PATIENCE_S):
            return True
        self._note("STATION_FULL", f"{self._window} frames in hand for {PATIENCE_S:g} s; frames wait on the broker")
        self._park()
        return False

    def _park(self) -> None:
        """Hangs up for a while: what is not acknowledged waits on the broker, and comes again."""
        if not self._parked:
            self._parked = True
            self._client.disconnect()

    def _receive_notice(self, topic: FrameTopic, message: MQTTMessage) -> None:
        """What cameras, gates and PLCs say of themselves: small JSON, counted when it can't be read."""
        try:
            if topic.channel == "status":
                self._receive_status(topic, message)
            else:
                self._take(self._hearing(topic, message), FrameKey(*topic[:3]), message)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "payload"
            self._note("UNREADABLE_NOTICE", f"{topic.channel}: {where}: {first['msg']}", topic)
            self._receipts.ready(message.mid)

    def _receive_status(self, topic: FrameTopic, message: MQTTMessage) -> None:
        status = CameraStatus.model_validate_json(message.payload)
        self._on_loop(self._reception.on_status, topic.line, topic.camera, status.state)
        self._receipts.ready(message.mid)

    def _hearing(self, topic: FrameTopic, message: MQTTMessage) -> Work:
        """What gate and PLC say counts in the books: it is acknowledged only when the ledger has it, as frames are."""
        if topic.channel == "ack":
            return partial(self._reception.on_ack, read_ack(topic, message.payload, utc_now()))
        return partial(self._reception.on_count, read_count(topic, message.payload, utc_now()))

    def _note(self, kind: str, text: str, topic: FrameTopic | None = None) -> None:
        where = (topic.line, topic.camera) if topic else (None, None)
        self._on_loop(self._reception.report_fault, kind, text, *where)

    def _on_loop(self, call: Callable[..., object], *args: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(call, *args)

    # ------------------------------------------------------------------ the event loop

    def _begin(self, work: Work, key: FrameKey, mid: int, connection: int) -> None:
        self._in_hand += 1
        task = asyncio.create_task(self._finish(work, key, mid, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, work: Work, key: FrameKey, mid: int, connection: int) -> None:
        """Does one message's work and acknowledges it."""
        try:
            await work()
            if connection == self._connection:
                self._receipts.ready(mid)
        except Exception as error:
            self._failed(key, mid, error)
        finally:
            self._in_hand -= 1
            self._room.release()
            if self._parked and self._in_hand <= self._window // 2 and not self._closing:
                self._parked = False
                await asyncio.to_thread(self._come_back)

    def _failed(self, key: FrameKey, mid: int, error: Exception) -> None:
        """What could not be recorded comes again once; what fails again must not hold up the line."""
        log.exception("%s is not recorded", key)
        self._reception.report_fault("INTERNAL_ERROR", f"{key}: {error!r}", key.line, key.camera)
        if key in self._given_up:
            self._receipts.ready(mid)
        else:
            self._given_up.add(key)
            self._park()

    def _come_back(self) -> None:
        self._client.loop_stop()
        connect(self._client, self._broker, persistent=True, receive_maximum=self._window)

    def _hang_up(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _message(topic: FrameTopic, message: MQTTMessage) -> Message:
    properties: Any = message.properties
    return Message(
        topic,
        bytes(message.payload),
        user_properties(properties),
        getattr(properties, "ContentType", ""),
        getattr(properties, "CorrelationData", None),
        getattr(properties, "ResponseTopic", None),
        bool(message.dup),
    )
