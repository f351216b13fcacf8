"""What console and command line read: lists that page without gaps, filters, totals that agree with the parts.

The fake archive, which simply looks at every part, is the measure of the one that walks along indexes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.database_kinds import KINDS
from support.databases import execute, new_database
from support.fakes import NOON, MemoryLedger, a_part, a_verdict
from support.reviews import NG, OK, a_review, add_reviews

from inspector.adapters.ledger import SqlArchive, SqlLedger, upgrade
from inspector.adapters.ledger.part_search import OUTCOMES
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, Severity, ViewName
from inspector.domain.part import PartRecord
from inspector.domain.reconciliation import Gap
from inspector.domain.report import NO_WORDS, Finding, Words, WordsState
from inspector.domain.review import Review
from inspector.domain.vote import Vote
from inspector.errors import LedgerError, NotFoundError
from inspector.ports.archive import Archive, PartFilter, PartRow, PartSort, ReviewFilter, Totals
from inspector.ports.ledger import CameraActivity, Ledger

LINES, CAMERAS = ("pcb", "casting"), ("cam1", "cam2")
SCRATCH, SHORT = (Finding(name, Severity.MAJOR, None, name) for name in ("scratch", "short"))
WORDS = (NO_WORDS, NO_WORDS, Words(WordsState.WRITTEN, (SCRATCH, SHORT, SCRATCH)), Words(WordsState.WRITTEN, (SHORT,)))
COUNT = 2 * len(OUTCOMES) * len(LINES) * len(CAMERAS)
REVIEWED = PartFilter(line="pcb", review=ReviewFilter.ANY)
PASSED_AND_REVIEWED = PartFilter(disposition="REVIEW", reason="NO_DEFECT")

filters = st.builds(
    PartFilter,
    line=st.sampled_from([None, None, *LINES, "nowhere"]),
    camera=st.sampled_from([None, None, *CAMERAS]),
    disposition=st.sampled_from([None, None, *Disposition, "BURN"]),
    reason=st.sampled_from([None, None, *Reason]),
    before=st.none() | st.integers(-1, COUNT + 2),
    after=st.none() | st.integers(-1, COUNT + 2),
    review=st.sampled_from([None, None, *ReviewFilter]),
    reviewer=st.sampled_from(["ann", "bob", "nobody"]),
    trigger_id=st.sampled_from([None] * 8 + ["t-3", "t-40", "nothing"]),
    part_id=st.sampled_from([None] * 8 + ["p-1", "p-2", "nothing"]),
    lot=st.sampled_from([None, None, None, "lot-0", "lot-1", "nothing"]),
    defect=st.sampled_from([None, None, None, "scratch", "short", "nothing"]),
    since=st.none() | st.none() | st.integers(-1, COUNT + 1).map(lambda each: NOON + timedelta(seconds=each)),
    until=st.none() | st.none() | st.integers(-1, COUNT + 1).map(lambda each: NOON + timedelta(seconds=each)),
    p_min=st.none() | st.none() | st.floats(0.0, 1.0),
    p_max=st.none() | st.none() | st.floats(0.0, 1.0),
    lines=st.sampled_from([None, None, (), ("pcb",), LINES]),
    sort=st.sampled_from(PartSort),
)


class Filled(NamedTuple):
    """The same parts in the database and in the fake."""

    archive: SqlArchive
    memory: MemoryLedger


@pytest.fixture(scope="module", params=KINDS)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    url = new_database(request, tmp_path_factory.mktemp("ledger"))
    upgrade(url)
    archive, memory = SqlArchive(url), MemoryLedger()
    asyncio.run(fill(url, memory))
    yield Filled(archive, memory)
    archive.close()


def parts_of_all_kinds() -> list[PartRecord]:
    """Two parts of every outcome on every camera, mixed, one second apart."""
    kinds = list(product(OUTCOMES, LINES, CAMERAS)) * 2
    random.Random(7).shuffle(kinds)
    return [
        a_part(
            f"t-{number}",
            line=line,
            camera=camera,
            decision=Decision(Verdict.OK, disposition, reason),
            decided_at=NOON + timedelta(seconds=number),
            latency_ms=float(number * 7 % 101),
            votes=tuple(Vote(ViewName.DIRECT, 0, 0.5, 1, 1.0, "a text") for _ in range(number % 4)),
            part_id=f"p-{number // 5}" if number % 3 else None,
            lot=f"lot-{number // 30}" if number % 7 else None,
            p_ng=number * 37 % 101 / 100.0 if number % 4 else None,
            words=WORDS[number % len(WORDS)],
        )
        for number, ((reason, disposition), line, camera) in enumerate(kinds)
    ]


async def fill(url: str, memory: MemoryLedger) -> None:
    async with SqlLedger(url) as ledger:
        both: tuple[Ledger, Ledger] = (ledger, memory)
        for each in both:
            await asyncio.gather(*(each.record(part, [a_verdict(part)]) for part in parts_of_all_kinds()))
            await each.confirm([part.result_id for part in parts_of_all_kinds()[::3]])
            for second in range(4):
                at = NOON + timedelta(seconds=40 * second)
                await each.add_camera_activity([CameraActivity("pcb", "cam1", at, True, 10, lost(second, at))])
        memory.reviews += some_reviews()
        add_reviews(url, memory.reviews)
        await ledger.confirm([message.message_id for message in await ledger.review_messages(None, 1000)])


def some_reviews() -> list[Review]:
    """Single, agreed and disputed answers, and some that were withdrawn."""
    ids = [part.result_id for part in parts_of_all_kinds()]
    ann = [a_review(each, OK) for each in ids[::3]]
    bob = [a_review(each, NG if place % 2 else OK, "bob") for place, each in enumerate(ids[::5])]
    return [*ann, *bob, *(a_review(each.result_id, None, supersedes=each.review_id) for each in ann[::4])]


def lost(frames: int, at: datetime) -> tuple[Gap, ...]:
    return (Gap(1, frames, at, 1),) if frames else ()


@settings(max_examples=400, deadline=None)
@given(wanted=filters, limit=st.integers(0, 12))
@example(PartFilter(lot="lot-0", defect="scratch", sort=PartSort.HIGHEST_P_NG), 12)
@example(PartFilter(part_id="p-3", defect="scratch"), 12)
@example(PartFilter(trigger_id="t-19", defect="scratch"), 12)
def test_list_shows_what_looking_at_every_part_would_show(filled: Filled, wanted: PartFilter, limit: int) -> None:
    def listed(archive: Archive) -> list[PartRow] | type[Exception]:
        try:
            return archive.parts(wanted, limit)
        except NotFoundError as error:
            return type(error)

    assert listed(filled.archive) == listed(filled.memory)


@pytest.mark.parametrize(
    "wanted", [PartFilter(), PartFilter(line="pcb"), PartFilter(disposition="REVIEW"), REVIEWED], ids=str
)
@pytest.mark.parametrize("sort", PartSort)
def test_pages_follow_each_other_without_gap_or_repeat(filled: Filled, wanted: PartFilter, sort: PartSort) -> None:
    wanted = wanted._replace(sort=sort)
    whole = filled.archive.parts(wanted, 1000)
    forth, backward = whole[:7], whole[-7:]
    while page := filled.archive.parts(behind(wanted, forth[-1].number), 7):
        forth += page
    while page := filled.archive.parts(ahead(wanted, backward[0].number), 7):
        backward = page + backward
    assert filled.archive.parts(wanted, 7) == whole[:7]
    assert forth == backward == whole
    keys = [(row.part.p_ng or 0.0) if sort.is_by_p_ng else row.number for row in whole]
    assert len(keys) > 20
    assert keys == sorted(keys, reverse=not sort.is_rising)


def behind(wanted: PartFilter, number: int) -> PartFilter:
    """The page after the part with this number."""
    return wanted._replace(after=number) if wanted.sort.is_rising else wanted._replace(before=number)


def ahead(wanted: PartFilter, number: int) -> PartFilter:
    """The page that ends at the part before this one."""
    return wanted._replace(before=number) if wanted.sort.is_rising else wanted._replace(after=number)


async def test_page_stays_as_it_is_while_new_parts_come(database: str) -> None:
    archive = SqlArchive(database)
    async with SqlLedger(database) as ledger:
        await asyncio.gather(*(ledger.record(a_part(f"t-{number}"), []) for number in range(20)))
        first = archive.parts(PartFilter(), 5)
        second = archive.parts(PartFilter(before=first[-1].number), 5)
        await asyncio.gather(*(ledger.record(a_part(f"u-{number}"), []) for number in range(20)))
    assert archive.parts(PartFilter(before=first[-1].number), 5) == second
    archive.close()


def test_list_leaves_out_the_texts_of_votes_and_one_part_shows_them(filled: Filled) -> None:
    row = next(row for row in filled.archive.parts(PartFilter(), 10) if row.part.votes)
    assert {vote.text for vote in row.part.votes} == {""}
    whole = filled.archive.part(row.part.result_id)
    assert whole is not None
    assert {vote.text for vote in whole.part.votes} == {"a text"}
    assert filled.archive.part("nobody") is None


@settings(max_examples=60, deadline=None)
@given(second=st.integers(-1, COUNT + 1))
def test_totals_agree_with_the_parts_since_any_time(filled: Filled, second: int) -> None:
    since = NOON + timedelta(seconds=second)
    assert filled.archive.totals(since) == filled.memory.totals(since)


def test_totals_count_every_part_once(filled: Filled) -> None:
    totals = filled.archive.totals(NOON)
    assert sum(totals.parts.values()) == COUNT
    assert totals.parts["pcb", "PASS", "NO_DEFECT"] == 4
    assert totals.outbox == COUNT - len(range(0, COUNT, 3))
    assert totals.lost == 0 + 1 + 2 + 3


def test_totals_of_nothing_are_empty(filled: Filled) -> None:
    tomorrow = NOON + timedelta(days=1)
    nothing = filled.archive.totals(tomorrow)
    assert nothing == Totals(tomorrow, {}, {}, nothing.outbox, 0, None, None, None)


def test_archive_that_can_not_be_read_is_an_error_of_ours(blank: str) -> None:
    execute(blank, "CREATE TABLE something (number INTEGER)")
    archive = SqlArchive(blank)
    for reading in (lambda: archive.parts(PartFilter(), 1), lambda: archive.totals(NOON), archive.list_cameras):
        with pytest.raises(LedgerError, match=r"the ledger can't be read: (no such table|relation .* does not exist)"):
            reading()
    archive.close()
