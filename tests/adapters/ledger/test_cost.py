"""What calls cost does not grow with the ledger. Counted in SQLite's instructions, which no machine makes slower."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool
from support.fakes import NOON, PASSED, REJECTED, a_part, a_verdict

from inspector.adapters.ledger import SqlArchive, SqlLedger, upgrade
from inspector.domain.part import PartRecord
from inspector.domain.report import NO_WORDS, Words, WordsState
from inspector.ports.archive import PartFilter
from inspector.ports.ledger import Ledger


class Filled(NamedTuple):
    """Two databases, the second with ten times the parts of the first. In both one part in ten was rejected, and
    of the newest twenty the verdicts are not published and the words not written."""

    few: str
    many: str


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    folder = tmp_path_factory.mktemp("large")
    urls = Filled(f"sqlite:///{folder / 'few.db'}", f"sqlite:///{folder / 'many.db'}")
    for url, count in zip(urls, (400, 4000), strict=True):
        upgrade(url)
        asyncio.run(fill(url, [numbered(number, count) for number in range(count)]))
    return urls


def numbered(number: int, count: int) -> PartRecord:
    return a_part(
        f"t-{number}",
        decision=PASSED if number % 10 else REJECTED,
        decided_at=NOON + timedelta(seconds=number),
        words=NO_WORDS if number < count - 20 else Words(WordsState.PENDING),
    )


async def fill(url: str, parts: list[PartRecord]) -> None:
    async with SqlLedger(url, synchronous="NORMAL") as ledger:
        assert all(await asyncio.gather(*(ledger.record(part, [a_verdict(part)]) for part in parts)))
        await ledger.confirm([part.result_id for part in parts[:-20]])


@contextmanager
def counted() -> Iterator[list[None]]:
    """One item for each instruction that runs on connections opened meanwhile."""
    ran: list[None] = []

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(lambda: ran.append(None), 1)

    event.listen(Pool, "connect", watch)
    try:
        yield ran
    finally:
        event.remove(Pool, "connect", watch)


def reading_cost(url: str, call: Callable[[SqlArchive], object]) -> int:
    with counted() as ran:
        archive = SqlArchive(url)
        call(archive)
        archive.close()
    return len(ran)


async def writing_cost(url: str, call: Callable[[Ledger], Awaitable[object]]) -> int:
    with counted() as ran:
        async with SqlLedger(url) as ledger:
            await call(ledger)
    return len(ran)


@pytest.mark.parametrize(
    "wanted",
    [
        PartFilter(),
        PartFilter(line="pcb"),
        PartFilter(camera="cam1"),
        PartFilter(line="pcb", camera="cam1", disposition="PASS"),
        PartFilter(disposition="REJECT"),
        PartFilter(line="pcb", reason="BAD_IMAGE"),
        PartFilter(line="nowhere"),
        PartFilter(disposition="REVIEW", reason="NO_DEFECT"),
        PartFilter(line="pcb", before=300),
        PartFilter(line="pcb", after=100),
    ],
    ids=str,
)
def test_list_costs_the_same_however_many_parts_there_are(filled: Filled, wanted: PartFilter) -> None:
    few, many = (reading_cost(url, lambda archive: archive.parts(wanted, 20)) for url in filled)
    assert many <= 1.5 * few


def test_totals_cost_what_came_since_then_and_not_what_came_before(filled: Filled) -> None:
    def last_hundred(archive: SqlArchive) -> None:
        newest = archive.parts(PartFilter(), 100)
        assert sum(archive.totals(newest[-1].part.decided_at).parts.values()) >= 100

    few, many = (reading_cost(url, last_hundred) for url in filled)
    assert many <= 1.5 * few


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda ledger: ledger.find(a_part("t-7").identity), id="find"),
        pytest.param(lambda ledger: ledger.unpublished(None, 10), id="unpublished"),
        pytest.param(lambda ledger: ledger.unpublished(["pcb"], 10), id="unpublished of a line"),
        pytest.param(lambda ledger: ledger.unfinished_words(["pcb"]), id="unfinished words"),
        pytest.param(lambda ledger: ledger.confirm(["pcb-cam1-t-7"]), id="confirm"),
        pytest.param(lambda ledger: ledger.finish_words("pcb-cam1-t-7", NO_WORDS, []), id="finish words"),
        pytest.param(lambda ledger: ledger.record(a_part("t-7"), []), id="record again"),
    ],
)
async def test_story_waits_no_longer_however_many_parts_there_are(
    filled: Filled, call: Callable[[Ledger], Awaitable[object]]
) -> None:
    few, many = [await writing_cost(url, call) for url in filled]
    assert many <= 1.5 * few
