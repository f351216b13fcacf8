"""Removes pictures of passed parts, as each line's retention declares: a bounded step at a time, in the background."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from inspector.errors import LedgerError
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PictureStore
from inspector.utc import utc_now

log = logging.getLogger(__name__)

STEP_INTERVAL_S: Final = 1.0  # between two steps while there is more to do
IDLE_INTERVAL_S: Final = 60.0
PICTURES_AT_ONCE: Final = 25  # removed between two looks at what is needed: people review parts meanwhile


class PictureRetention:
    """Removes pictures step by step. One per installation suffices; several do no harm.

    The next step finishes one that was interrupted.
    """

    def __init__(self, ledger: PictureStore, evidence: EvidenceStore) -> None:
        self._ledger = ledger
        self._evidence = evidence

    async def run(self) -> None:
        """Remove pictures until cancelled."""
        while True:
            try:
                more = await self.step()
            except LedgerError as error:
                log.warning("pictures are not removed now: %s", error)
                more = False
            await asyncio.sleep(STEP_INTERVAL_S if more else IDLE_INTERVAL_S)

    async def step(self) -> bool:
        """Take one step on every line, then remove what is due; return whether there is more to do. Raises
        LedgerError."""
        lines = [version.pipeline for version in await self._ledger.pipelines()]
        more = [await self._ledger.release_pictures(each.line, each.retention, utc_now()) for each in lines]
        while due := await self._ledger.due_pictures(PICTURES_AT_ONCE):
            for sha256 in due:
                await asyncio.to_thread(self._evidence.remove, sha256)
            await self._ledger.pictures_removed(due)
        return any(more)
