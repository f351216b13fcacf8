"""A receiver of messages, a bare camera and an opened intake, for tests of the MQTT adapter against a real broker."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from inspector.adapters.mqtt.connection import Broker, connect, new_client
from inspector.adapters.mqtt.intake import Intake
from inspector.domain.frame import Frame
from inspector.domain.reconciliation import Ack, TriggerCount
from inspector.messages.topics import Topics

TOPICS = Topics("plant/v1")


class Desk:
    """ports.MessageReceiver that keeps what it is given, and finishes a frame only on request."""

    topics = TOPICS

    def __init__(self, *, finishing: bool = True) -> None:
        self.frames: list[Frame] = []
        self.answered: list[Frame] = []
        self.ledger_away = False
        self.statuses: list[tuple[str, str, str]] = []
        self.retained: list[tuple[str, str, str]] = []
        self.acks: list[Ack] = []
        self.counts: list[TriggerCount] = []
        self.complaints: list[tuple[str, str]] = []
        self.undeclared: Counter[str] = Counter()
        self.may_finish = asyncio.Event()
        if finishing:
            self.may_finish.set()

    async def inspect(self, frame: Frame) -> None:
        self.frames.append(frame)
        await self.may_finish.wait()

    async def answer(self, frame: Frame) -> None:
        self.answered.append(frame)

    @property
    def answers_without_pictures(self) -> bool:
        return self.ledger_away

    async def on_ack(self, ack: Ack) -> None:
        self.acks.append(ack)
        await self.may_finish.wait()

    async def on_count(self, count: TriggerCount) -> None:
        self.counts.append(count)

    def declares(self, line: str, camera: str) -> bool:
        return not camera.startswith("nobody")

    def on_undeclared(self, line: str, frames: int) -> None:
        self.undeclared[line] += frames

    def on_status(self, line: str, camera: str, status: str) -> None:
        self.statuses.append((line, camera, status))

    def on_retained(self, line: str, camera: str, channel: str) -> None:
        self.retained.append((line, camera, channel))

    def report_fault(self, kind: str, text: str, line: str | None = None, camera: str | None = None) -> None:
        self.complaints.append((kind, text))

    @property
    def seqs(self) -> list[int | None]:
        return [frame.seq for frame in self.frames]


class Device:
    """A bare camera: says exactly what a test wants said."""

    def __init__(self, broker: Broker) -> None:
        self._client = new_client(broker, "device", persistent=False)
        online = threading.Event()
        self._client.on_connect = lambda *_: online.set()
        connect(self._client, broker, persistent=False)
        assert online.wait(10)

    def say(self, topic: str, payload: bytes, **properties: str) -> None:
        self._publish(topic, payload, properties, retain=False)

    def say_retained(self, topic: str, payload: bytes, **properties: str) -> None:
        """Say it with the retain flag: the broker keeps a copy."""
        self._publish(topic, payload, properties, retain=True)

    def _publish(self, topic: str, payload: bytes, properties: dict[str, str], *, retain: bool) -> None:
        told = Properties(PacketTypes.PUBLISH)
        told.UserProperty = list(properties.items())
        self._client.publish(f"plant/v1/{topic}", payload, qos=1, retain=retain, properties=told).wait_for_publish(5)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


async def until(true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.02)


async def opened(
    broker: Broker, desk: Desk, client_id: str, window: int = 64, *, wait: bool = True, topics: Topics = TOPICS
) -> Intake:
    intake = Intake(broker, topics, client_id, desk, window=window)
    intake.start()
    if wait:
        await until(intake._client.is_connected)
        await asyncio.sleep(0.1)
    return intake
