"""Acknowledgements in the order in which messages came, whatever order the work on them is done in. Pure.

MQTT-4.6.0-2 demands that order. mosquitto does not check it; rumqttd, the embedded broker, hangs up at the first
acknowledgement out of order and forgets the oldest message that still waited for its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Receipts:
    """What one connection has yet to acknowledge. Safe to call from several threads.

    One that is never ready holds back all after it: hang up then, and the broker sends them again.
    """

    def __init__(self, acknowledge: Callable[[int], object]) -> None:
        self._acknowledge = acknowledge
        self._ready: dict[int, bool] = {}
        self._lock = threading.Lock()

    def expect(self, mid: int) -> None:
        """A message came."""
        with self._lock:
            self._ready[mid] = False

    def ready(self, mid: int) -> None:
        """The message may be acknowledged; it is, together with those that waited for it, once all before it may."""
        with self._lock:
            if mid in self._ready:
                self._ready[mid] = True
                self._release()

    def forget(self) -> None:
        """The connection is over: its message ids mean other messages on the next one."""
        with self._lock:
            self._ready.clear()

    def _release(self) -> None:
        while self._ready and self._ready[oldest := next(iter(self._ready))]:
            del self._ready[oldest]
            self._acknowledge(oldest)
