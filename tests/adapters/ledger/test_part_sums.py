"""The sums over parts: whatever happens to parts, the sums are what counting them would give."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from support.databases import connected, execute, fetch
from support.fakes import NOON, PASSED, REJECTED, a_part, a_verdict

from inspector.adapters.ledger import SqlArchive, SqlLedger, rebuild_sums, upgrade
from inspector.adapters.ledger.part_sums import KEY_COLUMNS, SUM_COLUMNS
from inspector.adapters.ledger.tables import BUCKET_COLUMNS, defect_quarters, part_minutes, part_quarters, parts
from inspector.domain.decision import Decision, Reason, fail_safe
from inspector.domain.declared import Disposition, Severity
from inspector.domain.part import Evidence, PartRecord
from inspector.domain.pipeline import Retention
from inspector.domain.report import NO_WORDS, Finding, Words, WordsState
from inspector.numerics.latency_histogram import BUCKET_EDGES_MS
from inspector.ports.ledger import Recorded
from inspector.utc import utc_now

LATE = fail_safe(Disposition.REVIEW, Reason.DEADLINE, "not published in time")
WITHDRAWN = fail_safe(Disposition.REVIEW, Reason.SAFE_MODE, "two parts at the gate")
OVERLOADED = fail_safe(Disposition.REVIEW, Reason.OVERLOAD, "no room")


def some_parts(count: int, began: datetime = NOON) -> list[PartRecord]:
    """Parts of several lines, outcomes and latencies over some hours."""
    rng = random.Random(7)
    return [any_part(number, rng, began) for number in range(count)]


def any_part(number: int, rng: random.Random, began: datetime) -> PartRecord:
    decision = rng.choice([PASSED, PASSED, REJECTED, OVERLOADED])
    part = a_part(
        f"t-{number}",
        line=rng.choice(["pcb", "casting"]),
        camera=rng.choice(["cam1", "cam2"]),
        decision=decision,
        decided_at=began + timedelta(seconds=rng.uniform(0, 6 * 3600)),
        latency_ms=rng.choice([3.0, 10.0, 120.5, 900.0, 99_999.0, 250_000.0]),
        late=rng.random() < 0.1,
        is_simulated=rng.random() < 0.2,
        words=scratched() if decision is REJECTED else NO_WORDS,
    )
    return replace(part, votes=()) if decision is OVERLOADED else part


def scratched(*classes: str) -> Words:
    named = classes or ("scratch", "scratch", "dent")
    return Words(WordsState.WRITTEN, tuple(Finding(each, Severity.MAJOR, None, "") for each in named), "{}")


async def record(url: str, some: list[PartRecord]) -> None:
    async with SqlLedger(url, synchronous="NORMAL") as ledger:
        assert all(await asyncio.gather(*(ledger.record(part, [a_verdict(part)]) for part in some)))


def stored_sums(url: str, table: Any) -> dict[tuple[Any, ...], tuple[int, ...]]:
    with connected(url) as connection:
        rows = [tuple(row) for row in connection.execute(select(table))]
    width = len(KEY_COLUMNS)
    return {row[:width]: tuple(map(int, row[width:])) for row in rows if any(row[width:])}


def counted_sums(url: str, minutes: int) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """What counting the rows of `parts` gives, without any of the code that keeps the sums."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    with connected(url) as connection:
        for row in connection.execute(select(parts)):
            at = row.decided_at.astimezone(UTC)
            start = at.replace(minute=at.minute // minutes * minutes, second=0, microsecond=0)
            outcome = (row.disposition, row.reason, row.would_be_disposition)
            key = (start, row.line, row.camera, *outcome, bool(row.vote_count), bool(row.is_simulated))
            total = sums.setdefault(key, [0] * len(SUM_COLUMNS))
            bucket = sum(edge < row.latency_ms for edge in BUCKET_EDGES_MS)
            for place, amount in ((0, 1), (1, row.late), (2, row.vote_count), (3 + bucket, 1)):
                total[place] += amount
    return {key: tuple(total) for key, total in sums.items()}


def check_sums(url: str) -> None:
    assert stored_sums(url, part_minutes) == counted_sums(url, 1)
    assert stored_sums(url, part_quarters) == counted_sums(url, 15)


def named_defects(url: str) -> Counter[tuple[str, str]]:
    with connected(url) as connection:
        rows = connection.execute(select(defect_quarters)).all()
    return Counter({(row.line, row.defect): int(row.parts) for row in rows})


async def test_sums_are_what_counting_parts_gives(database: str) -> None:
    await record(database, some_parts(300))
    assert len(stored_sums(database, part_quarters)) > 20
    check_sums(database)


async def test_part_that_is_recorded_twice_counts_once(database: str) -> None:
    part = a_part()
    async with SqlLedger(database) as ledger:
        answers = await asyncio.gather(*(ledger.record(part, []) for _ in range(5)))
    assert sorted(answers) == [Recorded.KNOWN] * 4 + [Recorded.NEW]
    check_sums(database)


async def test_reused_trigger_counts_as_a_part_of_its_own(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.record(a_part(), [])
        other = a_part(result_id="other", received_sha256="cd" * 32)
        assert await ledger.record(other, []) is Recorded.REUSED
    check_sums(database)
    assert sum(sums[0] for sums in stored_sums(database, part_quarters).values()) == 2


@pytest.mark.parametrize(("decision", "in_time"), [(LATE, False), (WITHDRAWN, True)], ids=["late", "in time"])
async def test_withdrawn_pass_is_counted_as_what_it_became(database: str, decision: Decision, in_time: bool) -> None:
    some = [part for part in some_parts(80) if part.decision is PASSED]
    await record(database, some)
    async with SqlLedger(database) as ledger:
        for part in some[::3]:
            assert await ledger.withdraw(part.result_id, decision, b"{}", in_time=in_time)
        await ledger.confirm([some[1].result_id])
        assert not await ledger.withdraw(some[1].result_id, LATE, b"{}")
    check_sums(database)
    outcomes = {key[3:6] for key in stored_sums(database, part_quarters)}
    assert ("REVIEW", decision.reason, "PASS") in outcomes


async def test_retention_changes_no_sum(database: str) -> None:
    picture = Evidence("ab" * 32, "image/jpeg", 10)
    await record(database, [a_part(evidence=picture)])
    before = stored_sums(database, part_quarters)
    async with SqlLedger(database) as ledger:
        retention = Retention(pass_pictures=0.0, after_hours=24.0)
        await ledger.release_pictures("pcb", retention, utc_now())
        assert await ledger.due_pictures(10) == (picture.sha256,)
        await ledger.pictures_removed([picture.sha256])
    assert stored_sums(database, part_quarters) == before


async def test_classes_of_a_report_count_once_for_each_part(database: str) -> None:
    pending = a_part("t-2", decision=REJECTED, words=Words(WordsState.PENDING))
    async with SqlLedger(database) as ledger:
        await ledger.record(a_part("t-1", decision=REJECTED, words=scratched()), [])
        await ledger.record(pending, [])
        assert named_defects(database) == {("pcb", "scratch"): 1, ("pcb", "dent"): 1}
        await ledger.finish_words(pending.result_id, scratched("dent"), [])
        await ledger.finish_words(pending.result_id, scratched("dent"), [])
    assert named_defects(database) == {("pcb", "scratch"): 1, ("pcb", "dent"): 2}


async def test_rebuilding_finds_nothing_to_correct(database: str) -> None:
    await record(database, some_parts(100, began=utc_now() - timedelta(hours=20)))
    assert rebuild_sums(database) == 0
    check_sums(database)


async def test_rebuilding_corrects_sums_that_are_wrong(database: str) -> None:
    await record(database, some_parts(100, began=utc_now() - timedelta(hours=20)))
    before = [stored_sums(database, table) for table in (part_minutes, part_quarters, defect_quarters)]
    execute(
        database,
        "UPDATE part_quarters SET parts = parts + 7 WHERE line = 'pcb'",
        "DELETE FROM part_minutes WHERE line = 'casting'",
        "UPDATE defect_quarters SET parts = 0",
        "UPDATE part_quarters SET camera = 'cam9' WHERE line = 'casting' AND camera = 'cam1'",
    )
    assert rebuild_sums(database) > 0
    assert [stored_sums(database, table) for table in (part_minutes, part_quarters, defect_quarters)] == before
    assert fetch(database, "SELECT count(*) FROM part_quarters WHERE parts = 0") == [(0,)]


async def test_rebuilding_loses_nothing_that_is_recorded_meanwhile(database: str) -> None:
    now = utc_now()
    await record(database, some_parts(50, began=now - timedelta(hours=7)))
    execute(database, "UPDATE part_quarters SET parts = 0")

    async def go_on(ledger: SqlLedger) -> None:
        for number in range(200):
            part = a_part(f"new-{number}", decided_at=now)
            await ledger.record(part, [])

    async with SqlLedger(database, synchronous="NORMAL") as ledger:
        recording = asyncio.create_task(go_on(ledger))
        while not recording.done():
            await asyncio.to_thread(rebuild_sums, database)
        await recording
    assert rebuild_sums(database) == 0
    assert stored_sums(database, part_quarters) == counted_sums(database, 15)


async def test_upgrade_sums_the_parts_of_an_older_program(database: str) -> None:
    await record(database, some_parts(60))
    execute(database, "DELETE FROM part_quarters", "DELETE FROM defect_quarters", "DELETE FROM part_minutes")
    upgrade(database)
    assert stored_sums(database, part_quarters) == counted_sums(database, 15)
    assert named_defects(database)


async def test_minutes_are_kept_for_two_days_and_quarters_for_good(database: str) -> None:
    now = utc_now()
    ages = [timedelta(minutes=1), timedelta(days=1, hours=23), timedelta(days=2, minutes=2), timedelta(days=400)]
    await record(database, [a_part(f"t-{number}", decided_at=now - age) for number, age in enumerate(ages)])
    async with SqlLedger(database) as ledger:
        await ledger.forget_minutes(now)
    assert len(stored_sums(database, part_minutes)) == 2
    assert len(stored_sums(database, part_quarters)) == 4


async def test_totals_start_on_the_minute(database: str, tmp_path: Path) -> None:
    now = utc_now().replace(second=30, microsecond=0)
    ages = [timedelta(seconds=29), timedelta(seconds=31), timedelta(minutes=10), timedelta(hours=30)]
    await record(database, [a_part(f"t-{number}", decided_at=now - age) for number, age in enumerate(ages)])
    archive = SqlArchive(database)
    counts = [sum(archive.totals(now - since).parts.values()) for since in (timedelta(0), *(ages[1:]))]
    archive.close()
    assert counts == [1, 2, 3, 4]


async def test_latency_of_parts_that_were_never_judged_is_left_out(database: str) -> None:
    judged = [a_part(f"j-{number}", latency_ms=400.0) for number in range(10)]
    unjudged = [a_part(f"u-{number}", decision=OVERLOADED, votes=(), latency_ms=2.0) for number in range(90)]
    await record(database, judged + unjudged)
    archive = SqlArchive(database)
    totals = archive.totals(NOON)
    archive.close()
    assert sum(totals.unjudged.values()) == 90
    assert totals.latency_p50_ms == pytest.approx(400.0, rel=0.25)
    assert len(BUCKET_COLUMNS) == len(BUCKET_EDGES_MS) + 1
