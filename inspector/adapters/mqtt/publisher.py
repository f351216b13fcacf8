"""Publishes verdicts, reports and events on a connection of its own. One that also received frames would delay its
writes under a backlog.

The session is persistent and subscribed to the station's own verdicts. Their echoes are acknowledged only after the
ledger has noted the publication. After a crash the broker therefore reports to the next connection which verdicts had
arrived, and those are not published again.

Every connection has a paho client of its own. A reconnecting client would resend by itself what was on its way when the
connection broke, before the station could check whether a PASS is still valid.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from inspector.adapters.mqtt.ack_order import AckOrder
from inspector.adapters.mqtt.connection import Broker, connect, new_client, refusal, user_properties
from inspector.errors import BrokerError
from inspector.messages.outgoing import ServiceState, to_json
from inspector.messages.topics import Topics
from inspector.ports.broker import OutgoingMessage

log = logging.getLogger(__name__)

RECONNECT_S: Final = 1.0  # between two connections
ECHO_QUIET_S: Final = 0.3  # echoes of a previous run arrive at once after connecting; this silence ends them
ECHO_TIMEOUT_S: Final = 2.0
MESSAGE_ID: Final = "message_id"
STATION: Final = "station"
REMEMBERED_MESSAGES: Final = 10_000  # ids of noted messages, for echoes that arrive later


class MqttPublisher:
    """ports.Publisher over one paho client. `station` numbers the retained service state of this connection."""

    def __init__(self, broker: Broker, topics: Topics, client_id: str, station: int = 0) -> None:
        self._broker = broker
        self._topics = topics
        self._client_id = client_id
        self._station = station
        self._loop: asyncio.AbstractEventLoop | None = None
        self._online = asyncio.Event()
        self._pending: dict[int, asyncio.Future[None]] = {}
        self._echoes: dict[str, int] = {}
        self._noted: OrderedDict[str, None] = OrderedDict()
        self._last_echo = 0.0
        self._listening: asyncio.Task[None] | None = None
        self._is_closed = False
        self._ack_order = AckOrder(lambda mid: self._client.ack(mid, 1))
        self._client = self._new_client()

    async def start(self) -> None:
        """Start connecting. Call it on the event loop that publishes."""
        self._loop = asyncio.get_running_loop()
        connect(self._client, self._broker, persistent=True)

    def _new_client(self) -> Client:
        client = new_client(self._broker, self._client_id, persistent=True, manual_ack=True, reconnects=False)
        client.will_set(self._state_topic, to_json(self._state("OFFLINE")), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    async def close(self) -> None:
        """Publish OFFLINE and disconnect."""
        self._is_closed = True
        if self._client.is_connected():
            with contextlib.suppress(BrokerError):
                await self.announce(self._state_topic, to_json(self._state("OFFLINE")), retain=True)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def publish(self, message: OutgoingMessage) -> None:
        await self._send(message.topic, message.payload, self._properties(message))

    async def announce(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if not self._online.is_set():
            raise BrokerError(f"no connection to {self._broker.address}")
        await self._send(topic, payload, None, retain=retain)

    async def wait_online(self) -> None:
        await self._online.wait()

    def echoed_ids(self) -> list[str]:
        return list(self._echoes)

    def forget_echoes(self, message_ids: Sequence[str]) -> None:
        for message_id in message_ids:
            self._noted[message_id] = None
            if (mid := self._echoes.pop(message_id, None)) is not None:
                self._ack_order.ready(mid)
        while len(self._noted) > REMEMBERED_MESSAGES:
            self._noted.popitem(last=False)

    # ------------------------------------------------------------------ the event loop

    async def _send(self, topic: str, payload: bytes, properties: Properties | None, *, retain: bool = False) -> None:
        if not self._online.is_set():
            raise BrokerError(f"no connection to {self._broker.address}")
        assert self._loop is not None
        try:
            info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        except (ValueError, OSError) as error:
            raise BrokerError(f"can't publish on {topic}: {error}") from error
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError(f"can't publish on {topic}: {info.rc.name}")
        confirmed = self._pending[info.mid] = self._loop.create_future()
        try:
            await confirmed
        finally:
            self._pending.pop(info.mid, None)

    def _properties(self, message: OutgoingMessage) -> Properties | None:
        if not self._broker.speaks_v5:
            return None
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = "application/json"
        properties.UserProperty = [(MESSAGE_ID, message.message_id), (STATION, self._client_id)]
        if message.correlation:
            properties.CorrelationData = message.correlation
        return properties

    def _settle(self, mid: int, problem: str | None) -> None:
        confirmed = self._pending.get(mid)
        if confirmed is None or confirmed.done():
            return
        if problem is None:
            confirmed.set_result(None)
        else:
            confirmed.set_exception(BrokerError(problem))

    def _connected(self) -> None:
        assert self._loop is not None
        self._last_echo = self._loop.time()
        self._listening = self._loop.create_task(self._listen_then_go_online())

    async def _listen_then_go_online(self) -> None:
        """Receive the echoes of a previous run before publishing anything."""
        assert self._loop is not None
        until = self._loop.time() + ECHO_TIMEOUT_S
        while (now := self._loop.time()) - self._last_echo < ECHO_QUIET_S and now < until:
            await asyncio.sleep(ECHO_QUIET_S / 4)
        self._online.set()

    def _went_offline(self) -> None:
        """Fail what was on its way. Echoes will come again."""
        assert self._loop is not None
        if self._listening:
            self._listening.cancel()
        self._online.clear()
        self._echoes.clear()
        for mid in list(self._pending):
            self._settle(mid, f"the connection to {self._broker.address} broke")
        self._renew()

    def _renew(self) -> None:
        assert self._loop is not None
        if not self._is_closed:
            self._client = self._new_client()
            self._loop.call_later(RECONNECT_S, self._connect_again)

    def _connect_again(self) -> None:
        if not self._is_closed:
            connect(self._client, self._broker, persistent=True)

    def _on_echo(self, message_id: str, mid: int) -> None:
        assert self._loop is not None
        self._last_echo = self._loop.time()
        if message_id in self._noted:
            self._ack_order.ready(mid)
        else:
            self._echoes[message_id] = mid

    # ------------------------------------------------------------------ paho's thread

    def _on_connect(
        self, client: Client, _userdata: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if refusal(self._broker, code):
            return
        client.publish(self._state_topic, to_json(self._state("ONLINE")), qos=1, retain=True)
        if self._broker.speaks_v5:
            client.subscribe(self._topics.verdict("+", "+"), options=SubscribeOptions(qos=1))
        self._on_loop(self._connected)

    def _on_connect_fail(self, _client: Client, _userdata: object) -> None:
        self._on_loop(self._renew)

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        log.info("connection to %s ended: %s", self._broker.address, code)
        self._ack_order.forget()
        self._on_loop(self._went_offline)

    def _on_publish(
        self, _client: Client, _userdata: object, mid: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        problem = f"the broker refuses the message: {code}" if code.is_failure else None
        self._on_loop(self._settle, mid, problem)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._ack_order.expect(message.mid)
        given = user_properties(message.properties)
        if given.get(STATION) == self._client_id and MESSAGE_ID in given:
            self._on_loop(self._on_echo, given[MESSAGE_ID], message.mid)
        else:
            self._ack_order.ready(message.mid)

    def _on_loop(self, call: Any, *args: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *args)

    # ------------------------------------------------------------------ state

    @property
    def _state_topic(self) -> str:
        return self._topics.of_station(self._topics.state, self._station)

    def _state(self, state: str) -> ServiceState:
        return ServiceState.model_validate({"state": state, "station": self._station})
