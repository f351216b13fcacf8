"""The parts that wait for people: their order, one person each, and queries that walk an index."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from support.databases import connected
from support.fakes import NOON, PASSED, REJECTED, a_part
from support.reviews import NG, OK, UNSURE, a_review, add_reviews

from inspector.adapters.ledger import SqlArchive, SqlLeaseStore, SqlLedger
from inspector.adapters.ledger import review_queue as queue
from inspector.adapters.ledger.part_search import PartPage, reviewed_statement
from inspector.adapters.ledger.tables import is_never_judged, is_open
from inspector.domain.decision import Decision, Reason, Verdict, fail_safe
from inspector.domain.declared import Disposition
from inspector.domain.part import Evidence, PartRecord, PipelineRef
from inspector.domain.pipeline import Thresholds
from inspector.domain.review_lease import ReviewLease, ReviewList, ReviewPurpose
from inspector.ports.archive import PartFilter, ReviewFilter
from inspector.ports.reviews import LeaseRequest, WaitingQuery
from inspector.reviewing.audit_sample import is_drawn

OPEN = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
UNJUDGED = fail_safe(Disposition.REVIEW, Reason.OVERLOAD, "no time")
PICTURE = Evidence("ab" * 32, "image/png", 9)
SHARES = dict.fromkeys(Disposition, 0.5)
FINGERPRINT = "0123456789abcdef"
LIMITS = Thresholds(pass_below=0.2, reject_above=0.8)
QUERY = WaitingQuery("pcb", ReviewList.QUEUE, "ann", SHARES, LIMITS, FINGERPRINT, NOON)


def part(name: str, decision: Decision = PASSED, **changes: Any) -> PartRecord:
    """A part with a picture. `name` is its result_id, which is its draw too."""
    return a_part(name, result_id=name, decision=decision, evidence=PICTURE, **changes)


async def record(url: str, *parts: PartRecord) -> None:
    async with SqlLedger(url) as ledger:
        for each in parts:
            await ledger.record(each, [])


def leased(url: str, query: WaitingQuery = QUERY, parts: int = 10, *, minutes: float = 10.0) -> list[ReviewLease]:
    with closing(SqlLeaseStore(url)) as store:
        return store.take_leases(LeaseRequest(query, parts, False, query.now + timedelta(minutes=minutes)))


def names(leases: Sequence[ReviewLease]) -> list[tuple[str, str]]:
    return [(lease.purpose.value, lease.result_id) for lease in leases]


async def test_open_parts_come_first_then_teaching_ones_then_audits(database: str) -> None:
    await record(
        database,
        part("1-audit", p_ng=0.01),
        part("f-not-drawn", p_ng=0.01),
        part("9-near", p_ng=0.18),
        part("8-nearer", REJECTED, p_ng=0.81),
        part("7-other-scores", p_ng=0.19, pipeline=PipelineRef("pcb", 1, "f" * 16)),
        part("c-open", OPEN, p_ng=0.5),
        part("d-unjudged", UNJUDGED, votes=()),
        part("b-open", OPEN, p_ng=0.4),
        part("0-other-line", OPEN, line="casting"),
        part("2-audit", REJECTED, p_ng=0.99),
    )
    given = leased(database)
    assert names(given) == [
        ("open", "c-open"),
        ("open", "b-open"),
        ("teaches", "8-nearer"),
        ("teaches", "9-near"),
        ("audit", "1-audit"),
        ("audit", "2-audit"),
        ("audit", "7-other-scores"),
        ("further", "f-not-drawn"),
    ]
    assert names(leased(database, QUERY._replace(list=ReviewList.NEVER_JUDGED))) == [("never_judged", "d-unjudged")]


async def test_teaching_parts_are_ordered_by_their_distance_from_a_threshold(database: str) -> None:
    scores = {"a": 0.18, "b": 0.01, "c": 0.199, "d": 0.85, "e": 0.79, "f": 0.31}
    await record(database, *(part(f"f{name}", p_ng=score) for name, score in scores.items()))
    with connected(database) as connection:
        found = queue.waiting_parts(connection, QUERY._replace(audit_shares={}), 10)
    assert [each.result_id for each in found] == ["fc", "fe", "fa", "fd", "ff", "fb"]
    assert [each.purpose for each in found][3:] == [ReviewPurpose.TEACHES, ReviewPurpose.FURTHER, ReviewPurpose.FURTHER]


async def test_audits_come_from_every_disposition_in_turn(database: str) -> None:
    parts = [part(f"{number:02x}-{kind}", made) for number in range(3) for kind, made in KINDS.items()]
    await record(database, *parts)
    audits = leased(database, QUERY._replace(list=ReviewList.AUDITS), 6)
    assert {lease.purpose for lease in audits} == {ReviewPurpose.AUDIT}
    assert sorted(lease.result_id.split("-")[1] for lease in audits) == [
        "open",
        "open",
        "pass",
        "pass",
        "reject",
        "reject",
    ]


KINDS = {"pass": PASSED, "open": OPEN, "reject": REJECTED}


async def test_disposition_without_a_share_is_not_audited(database: str) -> None:
    await record(database, part("0-pass"), part("0-reject", REJECTED))
    only = QUERY._replace(list=ReviewList.AUDITS, audit_shares={Disposition.PASS: 0.0, Disposition.REJECT: 1.0})
    assert [lease.result_id for lease in leased(database, only)] == ["0-reject"]


async def test_second_reviewer_gets_what_others_answered_and_the_unsure_ones_first(database: str) -> None:
    await record(database, *(part(name) for name in ("sure", "mine", "unsure", "agreed")))
    add_reviews(database, [a_review("sure", OK, "bob"), a_review("mine", OK), a_review("unsure", UNSURE, "bob")])
    add_reviews(database, [a_review("agreed", NG, "bob"), a_review("agreed", NG, "eve")])
    second = leased(database, QUERY._replace(list=ReviewList.SECOND))
    assert names(second) == [("second", "unsure"), ("second", "sure")]


async def test_disputed_parts_wait_for_an_adjudicator(database: str) -> None:
    await record(database, part("alike"), part("differ"))
    add_reviews(database, [a_review(name, label, by) for name, by, label in DISPUTE])
    assert names(leased(database, QUERY._replace(list=ReviewList.DISPUTED))) == [("disputed", "differ")]
    with closing(SqlArchive(database)) as archive:
        assert archive.waiting_counts("pcb")[:3] == (0, 0, 1)


DISPUTE = [("alike", "ann", OK), ("alike", "bob", OK), ("differ", "ann", OK), ("differ", "bob", NG)]


async def test_part_is_one_persons_until_the_lease_ends(database: str) -> None:
    await record(database, *(part(f"f-{number}", OPEN) for number in range(3)))
    mine = leased(database, parts=2)
    assert leased(database, parts=2) == mine, "a tablet that starts again gets its own parts"
    others = leased(database, QUERY._replace(reviewer="bob"))
    assert [lease.result_id for lease in others] == ["f-2"]
    later = QUERY._replace(reviewer="bob", now=NOON + timedelta(minutes=11))
    assert [lease.result_id for lease in leased(database, later)] == ["f-0", "f-1", "f-2"]
    assert leased(database, QUERY._replace(now=NOON + timedelta(minutes=12))) == []


async def test_answer_and_giving_back_end_a_lease(database: str) -> None:
    await record(database, *(part(f"f-{number}", OPEN) for number in range(3)))
    leased(database, parts=2)
    add_reviews(database, [a_review("f-0", OK, at=NOON)])
    with closing(SqlLeaseStore(database)) as store:
        assert (store.lease_of("ann", "f-0"), store.end_leases("bob", ["f-1"])) == (None, 0)
        assert store.lease_of("ann", "f-1") is not None
        assert store.end_leases("ann", ["f-1", "gone"]) == 1
    assert [lease.result_id for lease in leased(database, QUERY._replace(reviewer="bob"))] == ["f-1", "f-2"]


async def test_part_that_somebody_else_reviewed_is_not_given_again(database: str) -> None:
    await record(database, *(part(f"f-{number}", OPEN) for number in range(2)))
    leased(database, parts=1)
    add_reviews(database, [a_review("f-0", OK, "bob")])
    assert [lease.result_id for lease in leased(database, parts=1)] == ["f-1"]


async def test_withdrawn_part_comes_back(database: str) -> None:
    await record(database, part("f-0", OPEN))
    add_reviews(database, [a_review("f-0", OK, review_id="r-1")])
    assert leased(database) == []
    add_reviews(database, [a_review("f-0", None, supersedes="r-1")])
    assert [lease.result_id for lease in leased(database)] == ["f-0"]


async def test_two_people_never_get_the_same_part(database: str) -> None:
    """Everyone asks at once, again and again: without one owner each, tablets would show the same part."""
    await record(database, *(part(f"f-{number:03}", OPEN) for number in range(60)))
    people, start = [f"p{number}" for number in range(6)], threading.Barrier(6)
    taken: dict[str, list[ReviewLease]] = {}

    def take(name: str) -> None:
        start.wait()
        for count in (3, 6, 10):
            taken[name] = leased(database, QUERY._replace(reviewer=name), count)

    threads = [threading.Thread(target=take, args=(name,)) for name in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [lease.result_id for leases in taken.values() for lease in leases]
    assert len(given) == len(set(given)) == 60


def select_of(wanted: PartFilter) -> Any:
    return reviewed_statement(PartPage(wanted, 20))


STATEMENTS: dict[str, tuple[Callable[[], queue.Found], str]] = {
    "open": (lambda: queue.oldest_statement(QUERY, is_open, 20), "ix_parts_open"),
    "never judged": (lambda: queue.oldest_statement(QUERY, is_never_judged, 20), "ix_parts_never_judged"),
    "teaches, above": (lambda: queue.nearest_statement(QUERY, 0.2, 0.3, 20), "ix_parts_unreviewed"),
    "teaches, below": (lambda: queue.nearest_statement(QUERY, 0.8, -0.2, 20), "ix_parts_unreviewed"),
    "audit": (lambda: queue.audit_statement(QUERY, Disposition.PASS, 0.01, 20), "ix_parts_draw"),
    "audit of all": (lambda: queue.audit_statement(QUERY, Disposition.PASS, 1.0, 20), "ix_parts_draw"),
    "disputed parts": (lambda: select_of(PartFilter(line="pcb", review=ReviewFilter.DISPUTED)), "truths"),
    "reviewed parts": (lambda: select_of(PartFilter(reason="DEFECT", review=ReviewFilter.ANY)), "truths"),
    "second": (lambda: queue.second_statement(QUERY, 20), "ix_truths_line_state_label_part"),
    "disputed": (lambda: queue.disputed_statement(QUERY, 20), "ix_truths_line_state_label_part"),
}


async def test_each_list_walks_its_index(database: str) -> None:
    """A million parts cost no more than twenty: the plan names the index, and parts are neither scanned nor sorted."""
    with connected(database) as connection:
        plans = {name: plan_of(connection, statement()) for name, (statement, _) in STATEMENTS.items()}
    assert {name: plan for name, plan in plans.items() if STATEMENTS[name][1] not in plan} == {}
    assert {name: plan for name, plan in plans.items() if "SCAN parts" in plan or "Seq Scan on parts" in plan} == {}
    walks = {name: plan for name, plan in plans.items() if STATEMENTS[name][1].startswith("ix_parts")}
    assert {name: plan for name, plan in walks.items() if "TEMP B-TREE" in plan or "Sort" in plan} == {}


def plan_of(connection: Connection, statement: queue.Found) -> str:
    """Ask the planner, which knows no rows; PostgreSQL would scan a small table."""
    if connection.dialect.name == "sqlite":
        written = str(statement.compile(connection, compile_kwargs={"literal_binds": True}))
        return "\n".join(str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {written}"))
    for way in ("seqscan", "sort", "bitmapscan"):
        connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    written = str(statement.compile(connection, compile_kwargs={"literal_binds": True}))
    return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {written.replace('%', '%%')}"))


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_share_of_random_ids_is_drawn(share: float) -> None:
    drawn = sum(is_drawn(uuid.uuid4().hex, share) for _ in range(20_000))
    assert drawn == pytest.approx(20_000 * share, abs=5 * 71)


async def test_named_parts_are_given_in_their_order_without_answered_ones_and_those_of_others(database: str) -> None:
    await record(database, part("1-a"), part("2-b"), part("3-c"), part("4-other", line="casting"))
    add_reviews(database, [a_review("2-b", OK)])
    named = QUERY._replace(list=ReviewList.NAMED, named=("3-c", "2-b", "4-other", "1-a", "unknown"))
    assert names(leased(database, named)) == [("named", "3-c"), ("named", "1-a")]
    assert leased(database, named._replace(reviewer="bob")) == []
