"""Removes series by the minute once they are old, in the background."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from inspector.errors import LedgerError
from inspector.ports.ledger import MinuteStore
from inspector.utc import utc_now

log = logging.getLogger(__name__)

INTERVAL_S: Final = 600.0  # few rows are due each time, so no other write waits for long


class MinuteRetention:
    """Removes old minutes every INTERVAL_S. One per installation suffices; several do no harm."""

    def __init__(self, ledger: MinuteStore) -> None:
        self._ledger = ledger

    async def run(self) -> None:
        """Remove minutes until cancelled."""
        while True:
            try:
                await self._ledger.forget_minutes(utc_now())
            except LedgerError as error:
                log.warning("old minutes are not removed now: %s", error)
            await asyncio.sleep(INTERVAL_S)
