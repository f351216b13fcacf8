"""What the ledger reads for statistics, and that its cost does not grow with the parts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from support.database_kinds import KINDS
from support.databases import new_database
from support.fakes import NOON, PASSED, REJECTED, a_part
from support.reviews import NG, OK, a_review, add_reviews

from inspector.adapters.ledger import SqlArchive, SqlLedger, upgrade
from inspector.domain.decision import Reason, fail_safe
from inspector.domain.declared import Disposition, Severity
from inspector.domain.part import PartRecord
from inspector.domain.report import NO_WORDS, Finding, Words, WordsState
from inspector.domain.review import Review, ReviewMode
from inspector.ports.statistics import StatisticsQuery

DAY = StatisticsQuery(NOON - timedelta(hours=12), NOON + timedelta(hours=12))
WITHHELD = fail_safe(Disposition.REVIEW, Reason.UNQUALIFIED, "commissioning")
SCRATCHED = Words(WordsState.WRITTEN, (Finding("scratch", Severity.MAJOR, None, ""),), "{}")


class Filled(NamedTuple):
    archive: SqlArchive


@pytest.fixture(scope="module", params=KINDS)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    url = new_database(request, tmp_path_factory.mktemp("ledger"))
    upgrade(url)
    asyncio.run(fill(url))
    archive = SqlArchive(url)
    yield Filled(archive)
    archive.close()


def some_parts() -> list[PartRecord]:
    """40 parts a quarter of an hour over two hours: one in four rejected, one in ten withheld, the rest passed."""
    return [
        a_part(
            f"t-{number}",
            line="pcb" if number % 2 else "casting",
            camera=f"cam{number % 3}",
            decision=decision,
            would_be=(PASSED if decision is WITHHELD else decision).outcome,
            decided_at=NOON + timedelta(seconds=22.5 * number),
            is_simulated=number % 5 == 0,
            words=SCRATCHED if decision is REJECTED else NO_WORDS,
        )
        for number in range(320)
        for decision in [REJECTED if number % 4 == 1 else WITHHELD if number % 10 == 2 else PASSED]
    ]


async def fill(url: str) -> None:
    listed = some_parts()
    async with SqlLedger(url, synchronous="NORMAL") as ledger:
        await asyncio.gather(*(ledger.record(part, []) for part in listed))
    add_reviews(url, [_review(part, NOON + timedelta(minutes=number)) for number, part in enumerate(listed[:60])])
    audit: dict[str, Any] = {"mode": ReviewMode.AUDIT, "probability": 0.25, "blind": True, "seconds": 3.0}
    late = NOON + timedelta(hours=2)
    add_reviews(
        url, [a_review(listed[0].result_id, NG, "bob", late), a_review(listed[1].result_id, NG, "bob", **audit)]
    )


def _review(part: PartRecord, at: datetime) -> Review:
    if part.decision is not REJECTED:
        return a_review(part.result_id, OK, at=at)
    return a_review(part.result_id, NG, at=at, classes=("scratch", "dent"))


def test_outcomes_are_summed_by_quarter(filled: Filled) -> None:
    sums = filled.archive.outcome_sums(DAY)
    assert sum(each.parts for each in sums) == 320
    assert {each.start for each in sums} == {NOON + timedelta(minutes=15 * at) for at in range(8)}
    withheld = [each for each in sums if each.disposition is Disposition.REVIEW]
    assert {each.would_be for each in withheld} == {Disposition.PASS}


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        (DAY._replace(line="pcb"), 160),
        (DAY._replace(line="pcb", camera="cam1"), 54),
        (DAY._replace(is_simulated=True), 64),
        (DAY._replace(is_simulated=False), 256),
        (DAY._replace(since=NOON + timedelta(minutes=15), until=NOON + timedelta(minutes=45)), 80),
        (DAY._replace(line="nowhere"), 0),
    ],
)
def test_only_the_parts_that_are_asked_for_count(filled: Filled, query: StatisticsQuery, parts: int) -> None:
    wanted = [
        part
        for part in some_parts()
        if query.line in (None, part.key.line)
        and query.camera in (None, part.key.camera)
        and query.is_simulated in (None, part.is_simulated)
        and query.since <= part.decided_at < query.until
    ]
    assert sum(each.parts for each in filled.archive.outcome_sums(query)) == len(wanted)
    assert len(wanted) == pytest.approx(parts, abs=2)


def test_defects_are_summed_by_class(filled: Filled) -> None:
    assert filled.archive.defect_sums(DAY) == {"scratch": 80}
    assert filled.archive.defect_sums(DAY._replace(line="casting")) == {}


def test_truths_are_summed_by_outcome(filled: Filled) -> None:
    sums = filled.archive.reviewed_sums(DAY)
    assert sum(each.parts for each in sums) == 59, "the disputed part counts nowhere"
    assert [each.parts for each in sums if each.probability == 0.25] == [1]
    assert sum(each.parts for each in sums if each.is_ng and each.would_be is Disposition.REJECT) == 15
    elsewhere = filled.archive.reviewed_sums(DAY._replace(since=NOON + timedelta(hours=1)))
    assert elsewhere == []


def test_classes_that_people_named_are_counted_on_ng_parts(filled: Filled) -> None:
    assert filled.archive.reviewed_defect_sums(DAY) == {"scratch": 14, "dent": 14}


def test_answers_come_with_those_of_others_to_the_same_parts(filled: Filled) -> None:
    late = DAY._replace(since=NOON + timedelta(hours=2))
    answers = filled.archive.answers(late, 10)
    assert {(each.reviewer, each.label) for each in answers} == {("ann", "OK"), ("bob", "NG")}
    assert len({each.part for each in answers}) == 1
    assert len(filled.archive.answers(DAY._replace(line="pcb"), 1000)) == 31
