"""A ledger that was filled at once is as the writer would have left it, and lines go on from there."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest
from support.databases import count_of, fetch
from support.fakes import a_part, a_verdict

from inspector.adapters.ledger import SqlArchive, SqlLedger, rebuild_sums
from inspector.adapters.ledger.bulk import REVIEWED_EVERY, BulkPlan, fill_bulk
from inspector.domain.part import Evidence
from inspector.errors import LedgerError
from inspector.ports.archive import PartFilter
from inspector.ports.ledger import Recorded
from inspector.utc import utc_now

PICTURE = Evidence("ab" * 32, "image/jpeg", 1000, 640, 640)
PARTS = 2_100


async def test_filled_ledger_is_whole_and_goes_on(database: str) -> None:
    now = utc_now()
    fill_bulk(database, BulkPlan(PARTS, timedelta(days=31), now, [PICTURE]))
    assert count_of(database, "parts") == PARTS
    assert count_of(database, "truths") == PARTS // REVIEWED_EVERY
    assert rebuild_sums(database) == 0
    with closing(SqlArchive(database)) as archive:
        assert sum(archive.totals(now - timedelta(days=40)).parts.values()) == PARTS
        newest, *_ = archive.parts(PartFilter(), 2)
        assert newest.part.decided_at == now
        assert archive.parts(PartFilter(line="line1", disposition="REJECT"), 5)
    async with SqlLedger(database) as ledger:
        part = a_part("t-new", line="line0")
        assert await ledger.record(part, [a_verdict(part)]) is Recorded.NEW
    assert fetch(database, "SELECT max(number) FROM parts") == [(PARTS + 1,)]


async def test_ledger_that_holds_parts_is_not_filled(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.record(a_part(), [])
    with pytest.raises(LedgerError, match="holds parts; name an empty one"):
        fill_bulk(database, BulkPlan(10, timedelta(days=1), utc_now(), []))
    assert count_of(database, "parts") == 1
