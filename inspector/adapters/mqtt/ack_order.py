"""Acknowledges messages in the order of their arrival, in whatever order they are finished.

MQTT-4.6.0-2 requires that order. mosquitto does not check it. rumqttd, the bundled broker, disconnects at the first
acknowledgement out of order and forgets the oldest unacknowledged message.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class AckOrder:
    """The messages that one connection has to acknowledge. Thread-safe.

    A message that is never finished blocks all later ones: disconnect then, and the broker sends them again.
    """

    def __init__(self, acknowledge: Callable[[int], object]) -> None:
        self._acknowledge = acknowledge
        self._ready: dict[int, bool] = {}
        self._lock = threading.Lock()

    def expect(self, mid: int) -> None:
        """Add a message that arrived."""
        with self._lock:
            self._ready[mid] = False

    def ready(self, mid: int) -> None:
        """Mark a message as finished. It is acknowledged, with those that waited for it, once all earlier ones are."""
        with self._lock:
            if mid in self._ready:
                self._ready[mid] = True
                self._release()

    def forget(self) -> None:
        """Drop everything at the end of a connection: the next one reuses the message ids."""
        with self._lock:
            self._ready.clear()

    def _release(self) -> None:
        while self._ready and self._ready[oldest := next(iter(self._ready))]:
            del self._ready[oldest]
            self._acknowledge(oldest)
