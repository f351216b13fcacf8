"""The pictures of undeclared cameras on their way to the store: few, never judged, and never in the way of others."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from inspector.domain.frame import Frame
from inspector.errors import LedgerError
from inspector.ports.unknown_cameras import UnknownPicture, UnknownPictureStore

log = logging.getLogger(__name__)

MAX_WAITING_PICTURES: Final = 8  # of all undeclared cameras together; the oldest one makes room
MAX_PICTURE_BYTES: Final = 8 * 1024 * 1024  # larger ones are only counted
FLUSH_INTERVAL_S: Final = 1.0  # at most MAX_WAITING_PICTURES are written in it


class UnknownPictures:
    """Holds pictures for a moment and stores them in the background."""

    def __init__(self, store: UnknownPictureStore) -> None:
        self._store = store
        self._waiting: deque[UnknownPicture] = deque(maxlen=MAX_WAITING_PICTURES)

    def add(self, frame: Frame) -> None:
        """Keep the picture of a frame whose camera no line declares. Pictures of claim checks are not fetched."""
        if 0 < len(frame.payload) <= MAX_PICTURE_BYTES:
            key = frame.key
            self._waiting.append(UnknownPicture(key.line, key.camera, frame.payload, frame.received_at))

    async def run(self) -> None:
        """Store pictures until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_S)
            await self.flush()

    async def flush(self) -> None:
        """Store what waits. Where the store is away the pictures are dropped: others will come."""
        pictures = list(self._waiting)
        self._waiting.clear()
        if not pictures:
            return
        try:
            await asyncio.to_thread(self._store.keep, pictures)
        except LedgerError as error:
            log.warning("%d picture(s) of unknown cameras are not kept: %s", len(pictures), error)
