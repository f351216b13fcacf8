"""A client of a test that keeps what the broker delivers on some topics."""

from __future__ import annotations

import threading

from inspector.adapters.mqtt.connection import connect, new_client
from inspector.bootstrap.from_settings import broker_of
from inspector.settings import Settings


class TopicListener:
    """Connects and subscribes when it is made; `messages` holds (topic, payload) in order of arrival."""

    def __init__(self, settings: Settings, name: str, *topics: str) -> None:
        self.messages: list[tuple[str, bytes]] = []
        subscribed = threading.Event()
        self._client = new_client(broker_of(settings), name, persistent=False)
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in topics])
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.messages.append((message.topic, message.payload))
        connect(self._client, broker_of(settings), persistent=False)
        assert subscribed.wait(10)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
