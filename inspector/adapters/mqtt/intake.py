"""Receives the messages of cameras, gates and PLCs: QoS 1, persistent session, acknowledged only after the commit.

paho's thread receives and parses; the station's event loop inspects each frame, `window` of them at once. Beyond that
frames wait, and their cameras take turns: one that sends too much delays its own frames only. Memory is bounded: beyond
`waiting_bytes` of them paho's thread waits, and after FULL_TIMEOUT_S it disconnects, so that frames wait on the broker.
While the ledger is away nothing waits: frames beyond the window are answered without their payload. They stay
unacknowledged, and come again after one reconnection.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from inspector.adapters.mqtt.ack_order import AckOrder
from inspector.adapters.mqtt.connection import Broker, connect, new_client, refusal, user_properties
from inspector.adapters.mqtt.connection_faults import loss_hint, tls_hint
from inspector.adapters.mqtt.message_parser import (
    CameraMessage,
    Notice,
    parse_ack,
    parse_count,
    parse_frame,
    parse_status,
)
from inspector.adapters.mqtt.undeclared_frames import FURTHER_LINES, UndeclaredFrames
from inspector.adapters.mqtt.waiting_room import WaitingRoom
from inspector.domain.frame import Frame, FrameKey
from inspector.errors import BrokerError, FrameError
from inspector.messages.topics import FrameTopic, ReplyTopics, Topics
from inspector.ports.broker import MessageReceiver
from inspector.runtime.turn_queue import TurnQueue
from inspector.text import one_line
from inspector.utc import utc_now

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]  # the work for a message, done before it is acknowledged
Turn = tuple[str, str | None]  # line and camera; those that the line does not declare share one turn

MAX_SHOWN_TOPIC: Final = 200  # characters
FULL_TIMEOUT_S: Final = 20.0  # far below the keepalive: a waiting paho thread sends no pings
ROOM_CHECK_S: Final = 0.05  # while messages wait: how often it is asked whether the ledger is away
WAITING_BYTES: Final = 64 * 2**20
FRAME_QOS: Final = 1
TOO_DEEP: Final = "frame/+/+/#"  # reported, because nobody would miss these frames otherwise
NOT_HELD: Final = "the picture is not held while the ledger is away, and QoS 0 does not bring it again; send QoS 1"
MAX_CONNECTION_LOSSES, CONNECTION_LOSS_WINDOW_S = 5, 60.0  # lost connections within that time that raise an event


class IncomingWork(NamedTuple):
    """A message to work on. `instead`: what is done where it has no room because the ledger is away."""

    work: Work
    instead: Work | None
    key: FrameKey
    mid: int
    connection: int
    payload_bytes: int


class Intake:
    """One station's subscription. `lines` None takes every line below the root."""

    def __init__(
        self,
        broker: Broker,
        topics: Topics,
        client_id: str,
        reception: MessageReceiver,
        *,
        replies: ReplyTopics | None = None,
        lines: list[str] | None = None,
        window: int = 64,
        receive_maximum: int = 4096,
        waiting_bytes: int = WAITING_BYTES,
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._replies = replies or ReplyTopics(topics)
        self._reception = reception
        self._lines = lines
        self._window = window
        self._receive_maximum = max(window, receive_maximum)
        self._without_payload = 0
        self._room = WaitingRoom(waiting_bytes)
        self._turns: TurnQueue[Turn, IncomingWork] = TurnQueue()
        self._watch: asyncio.TimerHandle | None = None
        self._in_hand = 0
        self._connection = 0
        self._parked = False
        self._closing = False
        self._refused = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._losses: deque[float] = deque(maxlen=MAX_CONNECTION_LOSSES)
        self._client_id = client_id
        self._client = new_client(broker, client_id, persistent=True, manual_ack=True)
        self._ack_order = AckOrder(lambda mid: self._client.ack(mid, FRAME_QOS))
        self._undeclared = UndeclaredFrames(reception.on_undeclared, self._later)
        self._given_up: set[FrameKey] = set()
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.skips = self._skips

    @property
    def in_hand(self) -> int:
        """The number of frames received and not yet finished."""
        return self._in_hand

    def start(self) -> None:
        """Start receiving. Call it on the event loop that inspects."""
        self._loop = asyncio.get_running_loop()
        connect(self._client, self._broker, persistent=True, receive_maximum=self._receive_maximum)

    def check(self) -> None:
        """Raise BrokerError if no frames can arrive and that will not change by itself."""
        thread = self._client._thread
        if not self._closing and not self._parked and (thread is None or not thread.is_alive()):
            raise BrokerError("the thread that receives frames has ended")
        if self._refused:
            raise BrokerError(self._refused)

    async def close(self, timeout_s: float = 10.0) -> None:
        """Take no more frames, finish and acknowledge those in flight, disconnect."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.to_thread(self._disconnect)

    def resubscribe(self, lines: list[str] | None) -> None:
        """Take the frames of these lines from now on."""
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
        if self._broker.speaks_v5:  # without Retain As Published, the flag marks stored copies only
            self._client.subscribe([(name, SubscribeOptions(qos=FRAME_QOS)) for name in filters])
        else:
            self._client.subscribe([(name, FRAME_QOS) for name in filters])

    def _filters(self, line: str) -> list[str]:
        return [
            self._topics.camera(line, "+", channel)
            for channel in ("frame", "frame/+", TOO_DEEP, "frame-ref", "status", "ack", "count")
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
            hint = loss_hint(
                str(code),
                self._client_id,
                tls_error=self._client.tls_error,
                unreadable=self._client.is_unreadable,
            )
            if tls_hint(self._client.tls_error):
                self._refused = f"broker {self._broker.address}: {hint}"
            log.warning("connection to %s lost: %s; %s", self._broker.address, code, hint)
            self._count_loss(time.monotonic(), hint)

    def _count_loss(self, now_s: float, hint: str) -> None:
        """Count lost connections: a line whose station comes and goes looks alive, and is late."""
        self._losses.append(now_s)
        if len(self._losses) == MAX_CONNECTION_LOSSES and now_s - self._losses[0] < CONNECTION_LOSS_WINDOW_S:
            lost = f"connection lost {MAX_CONNECTION_LOSSES} times in {CONNECTION_LOSS_WINDOW_S:.0f} s; {hint}"
            self._note(Notice("BROKER_UNSTEADY", lost))

    def _new_connection(self) -> None:
        """Forget the messages of the previous connection: what was not acknowledged comes again."""
        self._connection += 1
        self._without_payload = 0
        self._ack_order.forget()

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        """Handle a message without raising: an exception would end paho's thread, and the line with it."""
        if message.qos:
            self._ack_order.expect(message.mid)
        try:
            self._receive(message)
        except Exception as error:
            log.exception("message on %s", message.topic)
            text = f"{type(error).__name__} on {message.topic[:MAX_SHOWN_TOPIC]}: {one_line(str(error))}"
            self._refuse(message, Notice("UNREADABLE_MESSAGE", text))

    def _skips(self, name: str, mid: int) -> bool:
        """Return whether a message is only counted, because undeclared cameras send too many; then acknowledge it."""
        topic = self._topics.parse(name)
        if topic is not None and not topic.fault and self._reception.declares(topic.line, topic.camera):
            return False
        if self._undeclared.has_turn(topic.line if topic else FURTHER_LINES):
            return False
        if mid:
            self._ack_order.expect(mid)
            self._ack_order.ready(mid)
        return True

    def _receive(self, message: MQTTMessage) -> None:
        topic = self._topics.parse(message.topic)
        if topic is None:
            self._refuse(message, Notice("UNKNOWN_TOPIC", f"nothing is read from {message.topic[:MAX_SHOWN_TOPIC]}"))
        elif topic.fault:
            self._refuse(message, Notice("TOPIC_INVALID", f"{message.topic[:MAX_SHOWN_TOPIC]}: {topic.fault}"))
        else:
            self._receive_from(topic, message)

    def _receive_from(self, topic: FrameTopic, message: MQTTMessage) -> None:
        """Handle a message of a camera, gate or PLC whose topic is sound."""
        if message.retain and topic.channel != "status":
            self._on_loop(self._reception.on_retained, topic.line, topic.camera, topic.channel)
            self._ack_order.ready(message.mid)
            return
        if message.qos < FRAME_QOS and topic.channel != "status":
            text = f"{topic.channel} arrives with QoS 0, so that the broker may drop it without a trace; send QoS 1"
            self._note(Notice("QOS_TOO_LOW", text), topic)
        try:
            self._work_on(topic, message)
        except FrameError as error:
            self._refuse(message, Notice("UNREADABLE_NOTICE", f"{topic.channel}: {error}"), topic)

    def _work_on(self, topic: FrameTopic, message: MQTTMessage) -> None:
        """Have the message's work done, after which it is acknowledged. Raises FrameError for an unreadable one."""
        if topic.channel in ("frame", "frame-ref"):
            frame, notices = parse_frame(_message(topic, message), self._replies)
            work = partial(self._reception.inspect, frame)
            self._take(work, frame.key, message, self._answer_to(frame, message))
        elif topic.channel == "ack":
            ack, notices = parse_ack(topic, message.payload, utc_now())
            self._take(partial(self._reception.on_ack, ack), ack.key, message)
        elif topic.channel == "count":
            count, notices = parse_count(topic, message.payload, utc_now()), ()
            self._take(partial(self._reception.on_count, count), FrameKey(*topic[:3]), message)
        else:
            self._on_loop(self._reception.on_status, topic.line, topic.camera, parse_status(message.payload))
            self._ack_order.ready(message.mid)
            return
        for notice in notices:
            self._note(notice, topic)

    def _refuse(self, message: MQTTMessage, notice: Notice, topic: FrameTopic | None = None) -> None:
        """Report a message that is no part's, and acknowledge it."""
        self._note(notice, topic)
        self._ack_order.ready(message.mid)

    def _answer_to(self, frame: Frame, message: MQTTMessage) -> Work:
        """Return the work for a frame without its payload."""
        if message.qos:
            return partial(self._reception.answer, replace(frame, payload=b""))
        return partial(self._reception.inspect, replace(frame, payload=b"", fault=NOT_HELD))

    def _take(self, work: Work, key: FrameKey, message: MQTTMessage, instead: Work | None = None) -> None:
        """Have the work done on the event loop. Without room the message is not acknowledged, and the broker keeps it.

        `instead`: what is done at once where there is no room because the ledger is away.
        """
        arrival = IncomingWork(work, instead, key, message.mid, self._connection, len(message.payload))
        if self._closing:
            return
        if self._has_room(arrival.payload_bytes):
            camera = key.camera if self._reception.declares(key.line, key.camera) else None
            self._on_loop(self._wait_for_turn, (key.line, camera), arrival)
        elif not self._parked and not self._closing:
            self._on_loop(self._begin_without_payload, arrival)

    def _has_room(self, payload_bytes: int) -> bool:
        """Wait for room for one more message.

        Returns False at once while the ledger is away. Where there is no room in time otherwise, it disconnects, and
        reconnects later.
        """
        end_s = time.monotonic() + FULL_TIMEOUT_S
        while time.monotonic() < end_s:
            if self._closing or (self._is_window_full() and self._is_answered_without_payload()):
                return False
            if self._room.enter(payload_bytes, ROOM_CHECK_S):
                return True
        text = f"{self._room.messages} messages wait for {FULL_TIMEOUT_S:g} s; further ones wait on the broker"
        self._note(Notice("STATION_FULL", text))
        self._set_aside()
        return False

    def _is_window_full(self) -> bool:
        return self._in_hand + self._room.messages >= self._window

    def _is_answered_without_payload(self) -> bool:
        """Whether a frame beyond the window is answered now. Bounded also where a broker ignores Receive Maximum."""
        return self._reception.answers_without_pictures and self._without_payload < self._receive_maximum

    def _set_aside(self) -> None:
        """Disconnect for a while: unacknowledged messages wait on the broker and come again."""
        if not self._parked:
            self._parked = True
            self._client.disconnect()

    def _note(self, notice: Notice, topic: FrameTopic | None = None) -> None:
        where = (topic.line, topic.camera) if topic else (None, None)
        self._on_loop(self._reception.report_fault, *notice, *where)

    def _on_loop(self, call: Callable[..., object], *args: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(call, *args)

    def _later(self, wait_s: float, call: Callable[[], None]) -> None:
        assert self._loop is not None
        self._on_loop(self._loop.call_later, wait_s, call)

    # ------------------------------------------------------------------ the event loop

    def _wait_for_turn(self, turn: Turn, arrival: IncomingWork) -> None:
        self._turns.put(turn, arrival)
        self._begin_next()
        if self._turns and self._watch is None:
            self._watch_waiting()

    def _begin_next(self) -> None:
        """Begin the work for those whose turn it is."""
        while self._turns and self._in_hand < self._window and not self._closing:
            turn, arrival = self._take_turn()
            self._in_hand += 1
            self._spawn(self._finish(turn, arrival))

    def _take_turn(self) -> tuple[Turn, IncomingWork]:
        turn, arrival = self._turns.take()
        self._room.leave(arrival.payload_bytes)
        return turn, arrival

    def _watch_waiting(self) -> None:
        """Answer those that wait without their payloads when the ledger is away."""
        while self._turns and self._is_answered_without_payload():
            turn, arrival = self._take_turn()
            self._turns.end(turn)
            self._begin_without_payload(arrival)
        again = asyncio.get_running_loop().call_later
        self._watch = again(ROOM_CHECK_S, self._watch_waiting) if self._turns and not self._closing else None

    def _begin_without_payload(self, arrival: IncomingWork) -> None:
        self._without_payload += 1
        self._spawn(self._answer(arrival.instead, arrival.key))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, work: Work | None, key: FrameKey) -> None:
        """Do the work for a message without its payload. It is not acknowledged."""
        try:
            if work is not None:
                await work()
        except Exception as error:
            log.exception("%s is not answered", key)
            self._reception.report_fault("INTERNAL_ERROR", f"{key}: {error!r}", key.line, key.camera)
        finally:
            await self._take_back()

    async def _finish(self, turn: Turn, arrival: IncomingWork) -> None:
        """Do one message's work, then acknowledge it."""
        try:
            await arrival.work()
            if arrival.connection == self._connection:
                self._ack_order.ready(arrival.mid)
        except Exception as error:
            self._failed(arrival.key, arrival.mid, error)
        finally:
            self._in_hand -= 1
            self._turns.end(turn)
            self._begin_next()
            await self._take_back()

    async def _take_back(self) -> None:
        """Reconnect where messages wait on the broker and there is room for them again."""
        if self._without_payload and not self._reception.answers_without_pictures:
            self._set_aside()
        if self._parked and self._in_hand <= self._window // 2 and not self._closing:
            self._parked, self._without_payload = False, 0
            await asyncio.to_thread(self._reconnect)

    def _failed(self, key: FrameKey, mid: int, error: Exception) -> None:
        """Let a message that could not be recorded come again once. A second failure must not block the line."""
        log.exception("%s is not recorded", key)
        self._reception.report_fault("INTERNAL_ERROR", f"{key}: {error!r}", key.line, key.camera)
        if key in self._given_up:
            self._ack_order.ready(mid)
        else:
            self._given_up.add(key)
            self._set_aside()

    def _reconnect(self) -> None:
        self._client.loop_stop()
        connect(self._client, self._broker, persistent=True, receive_maximum=self._receive_maximum)

    def _disconnect(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _message(topic: FrameTopic, message: MQTTMessage) -> CameraMessage:
    properties: Any = message.properties
    return CameraMessage(
        topic,
        bytes(message.payload),
        user_properties(properties),
        getattr(properties, "ContentType", ""),
        getattr(properties, "CorrelationData", None),
        getattr(properties, "ResponseTopic", None),
        bool(message.dup),
    )
