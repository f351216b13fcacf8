"""How much of what arrives may wait for its turn in the station's window, counted in bytes."""

from __future__ import annotations

import threading
from typing import Final

MESSAGE_BYTES: Final = 4096  # what a waiting message weighs in addition to its payload


class WaitingRoom:
    """Bytes of messages that wait. One message always fits, however large it is. Thread-safe."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._messages = 0
        self._changed = threading.Condition()

    @property
    def messages(self) -> int:
        """The number of messages that wait."""
        return self._messages

    def enter(self, payload_bytes: int, timeout_s: float) -> bool:
        """Add a message, and wait for room for it. Returns False if there is none in time."""
        weight = payload_bytes + MESSAGE_BYTES
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(weight), timeout_s):
                return False
            self._bytes += weight
            self._messages += 1
            return True

    def leave(self, payload_bytes: int) -> None:
        """Take out a message whose turn has come."""
        with self._changed:
            self._bytes -= payload_bytes + MESSAGE_BYTES
            self._messages -= 1
            self._changed.notify()

    def _has_room(self, weight: int) -> bool:
        return not self._messages or self._bytes + weight <= self._limit_bytes
