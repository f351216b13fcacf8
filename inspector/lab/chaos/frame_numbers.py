"""The counter of the virtual camera: it numbers frames, restarts, and loses numbers on purpose. Thread-safe."""

from __future__ import annotations

import threading
from typing import Final

FRAMES_BEFORE_LOSS: Final = 3  # after a restart, so that the lost ones lie inside the run
LOST_AFTER_RESTART: Final = 5


class FrameNumbers:
    """Counts from 0, and from 1 after each restart. `lost` is how many numbers no frame was sent for."""

    def __init__(self) -> None:
        self.lost = 0
        self._next = 0
        self._skip_at: int | None = None
        self._lock = threading.Lock()

    def take(self) -> int:
        """Return the number of the next frame."""
        with self._lock:
            if self._next == self._skip_at:
                self._next += LOST_AFTER_RESTART
                self.lost += LOST_AFTER_RESTART
            self._next += 1
            return self._next - 1

    def restart(self) -> None:
        """Begin again, and lose some numbers soon after."""
        with self._lock:
            self._next = 1
            self._skip_at = 1 + FRAMES_BEFORE_LOSS
