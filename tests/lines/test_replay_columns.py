"""The columns that a browser replays: they hold the line's votes as the tables of votes do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from support.reviews import add_reviews, labelled
from support.voted_line import FINGERPRINT, voted_parts, voted_pipeline

from inspector.adapters.ledger import DeclaredVersion, SqlArchive, SqlLedger, store_versions
from inspector.errors import InspectorError, NotFoundError
from inspector.lines.pricing import Pricing
from inspector.lines.replay_columns import ReplayTables
from inspector.ports.archive import PartFilter


@pytest.fixture
def tables(database: str) -> Iterator[ReplayTables]:
    store_versions(database, [DeclaredVersion(voted_pipeline(), ())])
    with closing(SqlArchive(database)) as archive:
        yield ReplayTables(Pricing.over(archive))


async def store(url: str, count: int, reviewed: int) -> None:
    parts = list(voted_parts(count))
    async with SqlLedger(url) as ledger:
        for part, _ in parts:
            await ledger.record(part, [])
    answers = [labelled(part.result_id, is_ng) for part, is_ng in parts[:reviewed]]
    add_reviews(url, [replace(each, classes=("short",)) if each.label == "NG" else each for each in answers])


async def test_columns_are_those_of_the_table_without_its_padding(tables: ReplayTables, database: str) -> None:
    await store(database, 60, 30)
    with closing(SqlArchive(database)) as archive:
        votes_of = [len(row.part.votes) for row in archive.parts(PartFilter(), 100)][::-1]
    found, pricing = tables.columns("pcb"), tables.pricing
    votes = pricing.tables.votes(pricing.tables.voted_parts("pcb", FINGERPRINT), found.pipeline)
    assert found.parts.votes.tolist() == votes_of
    assert len(found.votes.score) == sum(found.parts.votes)
    ends = np.cumsum(found.parts.votes) - 1
    np.testing.assert_array_equal(found.votes.score[ends], votes.table.final_score)
    assert found.parts.truth.tolist() == votes.truth.tolist()
    assert found.ng_defects == (("short",),) * int(votes.is_ng.sum())
    assert (found.rungs, found.result_ids[0], found.cameras) == (3, votes.parts.named(0).result_id, ("cam1",))


async def test_a_shorter_ladder_has_the_votes_of_its_rungs_only(tables: ReplayTables, database: str) -> None:
    await store(database, 60, 10)
    assert tables.columns("pcb", 1).parts.votes.max() == 1
    with pytest.raises(InspectorError, match="rungs: 4 is more than the ladder of pcb has; use 1 to 3"):
        tables.columns("pcb", 4)


def test_a_line_without_judged_parts_says_so(tables: ReplayTables) -> None:
    with pytest.raises(NotFoundError, match="no part of pcb was judged as version 1 declares"):
        tables.columns("pcb")
    with pytest.raises(NotFoundError, match="no line 'solar'"):
        tables.columns("solar")
