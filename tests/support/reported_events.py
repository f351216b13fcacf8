"""Waits for what a station reports in the ledger."""

from __future__ import annotations

import asyncio

from inspector.adapters.ledger import SqlArchive
from inspector.ports.archive import EventFilter
from inspector.settings import Settings


async def until_reported(settings: Settings, kind: str) -> None:
    """Wait until the ledger has an event of this kind.

    A retained frame is reported as soon as a station is subscribed; a frame sent before that would be lost.
    """
    archive = SqlArchive(settings.database)
    async with asyncio.timeout(20):
        while kind not in {row.event.kind for row in archive.event_page(EventFilter(), 20)}:
            await asyncio.sleep(0.05)
    archive.close()
