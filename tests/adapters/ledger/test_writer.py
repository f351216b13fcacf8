"""One writer for many callers: nobody suffers for another's fault, nobody waits unbounded, nothing is forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from support.databases import another_writer, count_of
from support.fakes import NOON, a_part, a_verdict

from inspector.adapters.ledger import SqlArchive, SqlLedger
from inspector.domain.part import PartRecord
from inspector.domain.report import Words, WordsState
from inspector.errors import LedgerError
from inspector.ports.archive import PartFilter
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import Event, Recorded


def some_parts(count: int) -> list[PartRecord]:
    return [a_part(f"t-{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("spoiled", "complaint"),
    [
        pytest.param({"part_id": "half a \ud83d"}, "surrogates not allowed", id="text that can't be encoded"),
        pytest.param({"seq": 2**63}, "too large|out of range", id="a number that is too large"),
        pytest.param({"product": object()}, "not supported|cannot adapt", id="a value that is no value"),
        pytest.param({"latency_ms": None}, "NOT NULL|null value", id="a value that is missing"),
        pytest.param({"result_id": "pcb-cam1-t-3"}, "(UNIQUE|unique).*result_id", id="an id that another key has"),
    ],
)
async def test_faulty_write_fails_alone(database: str, spoiled: dict[str, Any], complaint: str) -> None:
    good = some_parts(20)
    bad = a_part("t-bad", **spoiled)
    async with SqlLedger(database) as ledger:
        with another_writer(database):
            writes = [asyncio.ensure_future(ledger.record(part, [a_verdict(part)])) for part in [*good, bad]]
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert outcomes[:20] == [Recorded.NEW] * 20
    assert isinstance(outcomes[20], LedgerError)
    with pytest.raises(LedgerError, match=complaint):
        raise outcomes[20]
    assert [count_of(database, table) for table in ("parts", "votes", "outbox")] == [20, 20, 20]


async def test_message_id_used_twice_spoils_only_the_second_part(database: str) -> None:
    first, second = some_parts(2)
    async with SqlLedger(database) as ledger:
        await ledger.record(first, [a_verdict(first)])
        with pytest.raises(LedgerError, match=r"(UNIQUE|unique).*message_id"):
            await ledger.record(second, [a_verdict(second), a_verdict(first)])
        assert await ledger.find(second.identity) is None, "nothing of it was stored"
        assert await ledger.record(second, [a_verdict(second)]), "and it can be recorded again"


async def test_words_of_nobody_do_not_spoil_the_words_of_others(database: str) -> None:
    part = a_part(words=Words(WordsState.PENDING))
    written = Words(WordsState.WRITTEN, raw="{}")
    async with SqlLedger(database) as ledger:
        await ledger.record(part, [])
        outcomes = await asyncio.gather(
            ledger.finish_words("nobody", written, []),
            ledger.finish_words(part.result_id, written, []),
            return_exceptions=True,
        )
        assert isinstance(outcomes[0], LedgerError)
        assert outcomes[1] is None
        assert await ledger.unfinished_words(["pcb"]) == []


async def test_all_kinds_of_writes_share_a_transaction(database: str) -> None:
    parts = some_parts(3)
    event = Event("e-1", "pcb", None, "SKEW", "INFO", "text", NOON)
    async with SqlLedger(database) as ledger:
        with another_writer(database):
            recorded = [asyncio.ensure_future(ledger.record(part, [a_verdict(part)])) for part in parts]
            others = [
                asyncio.ensure_future(ledger.add_events([event])),
                asyncio.ensure_future(ledger.confirm([parts[0].result_id])),
            ]
            await asyncio.sleep(0)
        assert await asyncio.gather(*recorded) == [Recorded.NEW] * 3
        await asyncio.gather(*others)
        assert len(await ledger.unpublished(None, 10)) == 2


async def test_locked_database_is_an_error_and_the_ledger_recovers_by_itself(database: str) -> None:
    part = a_part()
    async with SqlLedger(database, busy_s=0.05) as ledger:
        with another_writer(database):
            with pytest.raises(
                LedgerError,
                match=r"could not write: (database is locked|canceling statement due to lock timeout)",
            ):
                await ledger.record(part, [])
            assert await ledger.find(part.identity) is None, "reading goes on meanwhile"
        assert await ledger.record(part, []), "the same write succeeds later"


async def test_every_caller_hears_that_the_database_is_away(database: str) -> None:
    async with SqlLedger(database, busy_s=0.05) as ledger:
        with another_writer(database):
            writes = [ledger.record(part, []) for part in some_parts(30)]
            outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert all(isinstance(outcome, LedgerError) for outcome in outcomes)
        assert all(await asyncio.gather(*(ledger.record(part, []) for part in some_parts(30))))


async def test_callers_beyond_the_bound_wait_outside(database: str) -> None:
    async with SqlLedger(database, group=4, waiting=8) as ledger:
        with another_writer(database):
            writes = [asyncio.ensure_future(ledger.record(part, [])) for part in some_parts(50)]
            await asyncio.sleep(0.05)
            assert ledger.held == 8
            assert not any(write.done() for write in writes)
        assert await asyncio.gather(*writes) == [Recorded.NEW] * 50
        assert ledger.held == 0


async def test_callers_who_give_up_do_not_make_room_for_more(database: str) -> None:
    async with SqlLedger(database, waiting=8) as ledger:
        with another_writer(database):
            for _ in range(3):
                writes = [asyncio.ensure_future(ledger.record(part, [])) for part in some_parts(20)]
                await asyncio.sleep(0.02)
                for write in writes:
                    write.cancel()
                await asyncio.gather(*writes, return_exceptions=True)
                assert ledger.held == 8
    assert count_of(database, "parts") == 8, "what was handed in is written all the same"


async def test_stopping_finishes_what_was_handed_in(database: str) -> None:
    ledger = SqlLedger(database, group=4)
    await ledger.start()
    writes = [asyncio.ensure_future(ledger.record(part, [])) for part in some_parts(40)]
    await asyncio.sleep(0)
    await ledger.stop()
    await ledger.stop()
    assert await asyncio.gather(*writes) == [Recorded.NEW] * 40
    assert count_of(database, "parts") == 40


async def test_stopped_ledger_refuses(database: str) -> None:
    async with SqlLedger(database) as ledger:
        pass
    with pytest.raises(LedgerError, match="not running"):
        await ledger.record(a_part(), [])
    with pytest.raises(LedgerError, match="not running"):
        await ledger.find(a_part().identity)


async def test_reading_goes_on_while_others_write(database: str) -> None:
    archive = SqlArchive(database)
    async with SqlLedger(database) as ledger:
        writes = [asyncio.ensure_future(ledger.record(part, [a_verdict(part)])) for part in some_parts(400)]
        seen = []
        while not all(write.done() for write in writes):
            rows = await asyncio.to_thread(archive.parts, PartFilter(), 1000)
            seen.append(len(rows))
            assert all(row.part.votes for row in rows), "a part is never seen without its votes"
            assert await ledger.find(a_part("t-0").identity) is None or seen
    assert seen == sorted(seen)
    assert len(archive.parts(PartFilter(), 1000)) == 400
    archive.close()


async def test_two_ledgers_on_one_database_decide_a_key_once(database: str) -> None:
    async with SqlLedger(database) as one, SqlLedger(database) as other:

        async def race(part: PartRecord) -> int:
            copies = [replace(part, result_id=f"{part.result_id}-{number}") for number in range(2)]
            stored = await asyncio.gather(
                *(
                    each.record(copy, [OutgoingMessage(copy.result_id, "v", b"", True)])
                    for each, copy in zip((one, other), copies, strict=True)
                )
            )
            return sum(stored)

        assert await asyncio.gather(*(race(part) for part in some_parts(100))) == [1] * 100
    assert [count_of(database, table) for table in ("parts", "votes", "outbox")] == [100, 100, 100]
