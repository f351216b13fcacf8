"""Lets pictures of passed parts go, as each line's retention says: a little at a time, beside the line's work."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from inspector.errors import LedgerError
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import Ledger, PipelineVersion
from inspector.utc import utc_now

log = logging.getLogger(__name__)

BREATH_S: Final = 1.0  # between two steps while there is more to do
REST_S: Final = 60.0


class Sweep:
    """One is enough for an installation; several do no harm. A step that was cut short is finished by the next."""

    def __init__(self, ledger: Ledger, evidence: EvidenceStore) -> None:
        self._ledger = ledger
        self._evidence = evidence

    async def run(self) -> None:
        """Sweeps until cancelled."""
        while True:
            try:
                more = await self.turn()
            except LedgerError as error:
                log.warning("pictures are not let go now: %s", error)
                more = False
            await asyncio.sleep(BREATH_S if more else REST_S)

    async def turn(self) -> bool:
        """One step along every line; whether there is more to do. Raises LedgerError."""
        return any([await self._step(version) for version in await self._ledger.pipelines()])

    async def _step(self, version: PipelineVersion) -> bool:
        line = version.pipeline
        marked, more = await self._ledger.release_pictures(line.line, line.retention, utc_now())
        for sha256 in marked:
            await asyncio.to_thread(self._evidence.remove, sha256)
        await self._ledger.pictures_removed(marked)
        return more
