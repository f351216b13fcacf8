"""Removes pictures of passed parts, as each line's retention declares: a bounded step at a time, in the background."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from inspector.errors import LedgerError
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PictureStore, PipelineVersion
from inspector.utc import utc_now

log = logging.getLogger(__name__)

STEP_INTERVAL_S: Final = 1.0  # between two steps while there is more to do
IDLE_INTERVAL_S: Final = 60.0


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
        """Take one step on every line; return whether there is more to do. Raises LedgerError."""
        return any([await self._step(version) for version in await self._ledger.pipelines()])

    async def _step(self, version: PipelineVersion) -> bool:
        line = version.pipeline
        marked, more = await self._ledger.release_pictures(line.line, line.retention, utc_now())
        for sha256 in marked:
            await asyncio.to_thread(self._evidence.remove, sha256)
        await self._ledger.pictures_removed(marked)
        return more
