"""What metrics are made of, on both databases: the same as counting the parts one by one."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from support.fakes import NOON, PASSED, REJECTED, a_part, a_verdict

from inspector.adapters.ledger import SqlArchive, SqlLedger
from inspector.domain.declared import ViewName
from inspector.domain.part import PartRecord
from inspector.domain.vote import Vote
from inspector.ports.ledger import Event
from inspector.ports.metrics import DEADLINE_SHARE_EDGES, EventKind, PartOutcome, PartSums

PASS, REJECT = PartOutcome("pcb", "PASS", "NO_DEFECT"), PartOutcome("pcb", "REJECT", "DEFECT")


def a_share(number: int) -> PartRecord:
    """The n-th part took n quarters of its deadline and n votes of two tokens each; every third is rejected."""
    votes = tuple(Vote(ViewName.DIRECT, 0, 0.5, 2, 1.0) for _ in range(number))
    return a_part(
        f"t-{number}",
        decision=PASSED if number % 3 else REJECTED,
        votes=votes,
        latency_ms=250.0 * number,
        deadline_ms=1000.0,
        late=number > 4,
    )


def one_by_one(parts: list[PartRecord]) -> PartSums:
    spent = [part.latency_ms / part.deadline_ms for part in parts]
    return PartSums(
        len(parts),
        sum(part.late for part in parts),
        sum(len(part.votes) for part in parts),
        sum(vote.tokens for part in parts for vote in part.votes),
        sum(part.latency_ms for part in parts),
        sum(spent),
        tuple(sum(share <= edge for share in spent) for edge in DEADLINE_SHARE_EDGES),
    )


async def record(url: str, parts: list[PartRecord]) -> None:
    async with SqlLedger(url) as ledger:
        for part in parts:
            await ledger.record(part, [a_verdict(part)])


async def test_parts_are_counted_by_outcome_and_those_known_before_apart(database: str) -> None:
    parts = [a_share(number) for number in range(8)]
    await record(database, parts)
    archive = SqlArchive(database)
    stretch = archive.count_parts(2, 5)
    assert stretch.newest == 8
    assert stretch.earlier == {PASS: one_by_one([parts[2], parts[4]]), REJECT: one_by_one([parts[3]])}
    assert stretch.later == {PASS: one_by_one([parts[5], parts[7]]), REJECT: one_by_one([parts[6]])}
    archive.close()


async def test_nothing_new_counts_nothing_and_keeps_the_place(database: str) -> None:
    await record(database, [a_share(1)])
    archive = SqlArchive(database)
    for stretch in (archive.count_parts(1, 1), archive.count_events(1, 1)):
        assert (stretch.earlier, stretch.later, stretch.newest) == ({}, {}, 1)
    archive.close()


async def test_events_count_how_often_they_happened(database: str) -> None:
    kinds = [("SEQUENCE_GAP", 3), ("ACK_MISSING", 1), ("SEQUENCE_GAP", 2)]
    events = [
        Event(f"e{number}", "pcb", None, kind, "ALARM", "told", NOON, times)
        for number, (kind, times) in enumerate(kinds)
    ]
    async with SqlLedger(database) as ledger:
        await ledger.add_events(events)
    archive = SqlArchive(database)
    stretch = archive.count_events(0, 1)
    assert (stretch.earlier, stretch.newest) == ({EventKind("pcb", "SEQUENCE_GAP", "ALARM"): 3}, 3)
    assert Counter(stretch.later) == {
        EventKind("pcb", "SEQUENCE_GAP", "ALARM"): 2, EventKind("pcb", "ACK_MISSING", "ALARM"): 1,
    }  # fmt: skip
    archive.close()


async def test_outbox_is_counted_by_line_with_the_time_of_its_oldest_message(database: str) -> None:
    parts = [
        a_part(f"t-{number}", line=line, decided_at=NOON + timedelta(seconds=number))
        for number, line in enumerate(["pcb", "pcb", "cap", "pcb"])
    ]
    await record(database, parts)
    archive = SqlArchive(database)
    async with SqlLedger(database) as ledger:
        await ledger.confirm([parts[0].result_id])
    assert archive.count_waiting() == [
        ("cap", 1, NOON + timedelta(seconds=2)),
        ("pcb", 2, NOON + timedelta(seconds=1)),
    ]
    archive.close()
