"""Old minutes are removed again and again, also after a time without the database."""

from __future__ import annotations

import asyncio

import pytest
from support.fakes import MemoryLedger

from inspector.station.minute_retention import INTERVAL_S, MinuteRetention

pytestmark = pytest.mark.virtual_time


async def test_minutes_are_removed_once_the_ledger_is_back() -> None:
    ledger = MemoryLedger()
    ledger.away = True
    running = asyncio.create_task(MinuteRetention(ledger).run())
    await asyncio.sleep(1.0)
    assert ledger.forgotten_at is None
    ledger.away = False
    await asyncio.sleep(INTERVAL_S)
    assert ledger.forgotten_at is not None
    running.cancel()
