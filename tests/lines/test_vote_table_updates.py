"""Tables of votes are filled in the background: the first answer reads no votes any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from threading import Event

import pytest
from support.reviews import add_reviews, labelled
from support.voted_line import voted_parts, voted_pipeline

from inspector.adapters.ledger import DeclaredVersion, SqlArchive, SqlLedger, store_versions
from inspector.errors import LedgerError
from inspector.lines import vote_tables
from inspector.lines.pricing import Pricing
from inspector.lines.tuning import Tuning
from inspector.lines.vote_table_updates import VoteTableUpdates
from inspector.ports.tuning import PartVotes

PARTS = 60


class CountingArchive(SqlArchive):
    """Counts the parts whose votes were read."""

    read = 0

    def part_votes(self, numbers: Sequence[int]) -> list[PartVotes]:
        self.read += len(numbers)
        return super().part_votes(numbers)


@pytest.fixture
async def archive(database: str) -> AsyncIterator[CountingArchive]:
    store_versions(database, [DeclaredVersion(voted_pipeline(), ())])
    await record(database, 0, PARTS)
    with closing(CountingArchive(database)) as opened:
        yield opened


async def record(database: str, first: int, until: int) -> None:
    parts = list(voted_parts(until))[first:]
    async with SqlLedger(database) as ledger:
        for part, _ in parts:
            await ledger.record(part, [])
    add_reviews(database, [labelled(part.result_id, is_ng) for part, is_ng in parts[: len(parts) // 2]])


async def test_scores_after_an_update_equal_those_without_it_and_read_nothing(
    archive: CountingArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vote_tables, "PARTS_PER_PAGE", 20)
    pricing = Pricing.over(archive)
    assert len(list(pricing.update_pages("pcb"))) == PARTS / 20
    assert archive.read == PARTS
    found = Tuning(pricing).scores("pcb")
    assert archive.read == PARTS
    expected = Tuning(Pricing.over(archive)).scores("pcb")
    assert [each.tolist() for each in (found.number, found.truth, found.disposition)] == [
        each.tolist() for each in (expected.number, expected.truth, expected.disposition)
    ]
    assert str(found.p_ng) == str(expected.p_ng)


async def test_the_next_update_adds_what_is_new_only(archive: CountingArchive, database: str) -> None:
    pricing = Pricing.over(archive)
    list(pricing.update_pages("pcb"))
    assert list(pricing.update_pages("pcb")) == []
    await record(database, PARTS, PARTS + 7)
    list(pricing.update_pages("pcb"))
    assert archive.read == PARTS + 7
    assert len(Tuning(pricing).scores("pcb").number) == PARTS + 7


async def test_a_request_amid_an_update_reads_the_rest_itself(
    archive: CountingArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vote_tables, "PARTS_PER_PAGE", 20)
    pricing = Pricing.over(archive)
    pages = pricing.update_pages("pcb")
    next(pages)
    assert len(Tuning(pricing).scores("pcb").number) == PARTS
    assert list(pages) == []
    assert archive.read == PARTS


async def test_a_request_between_two_pages_has_one_score_for_each_part_that_it_selected_before(
    archive: CountingArchive, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vote_tables, "PARTS_PER_PAGE", 5)
    pricing = Pricing.over(archive)
    before = Tuning(pricing).scores("pcb")
    async with SqlLedger(database) as ledger:
        for part, _ in list(voted_parts(PARTS + 10))[PARTS:]:
            await ledger.record(part, [])
    with monkeypatch.context() as patch:
        patch.setattr(vote_tables, "RECENT_S", 0.0)
        pages = pricing.update_pages("pcb")
        next(pages)
    for scores in (Tuning(pricing).scores("pcb"), before):
        assert {len(each) for each in (*scores.p_ng, scores.truth, scores.weight, scores.camera)} == {
            len(scores.number)
        }


def test_the_thread_goes_on_when_the_ledger_comes_back(archive: CountingArchive) -> None:
    asked, updated = [], Event()

    class Watched(Pricing):
        def update_pages(self, line: str) -> Iterator[None]:
            asked.append(line)
            if len(asked) == 1:
                raise LedgerError("the ledger is away")
            yield from super().update_pages(line)
            updated.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inspector.lines.vote_table_updates.INTERVAL_S", 0.01)
        updates = VoteTableUpdates(Watched.over(archive), lambda: ["pcb"])
        updates.start()
        assert updated.wait(30.0)
        updates.stop()
    assert archive.read == PARTS
