"""What becomes known about parts after they were decided is kept beside them, and changes nothing of what they were."""

from __future__ import annotations

from typing import Any

import pytest
from support.databases import Opened, fetch
from support.fakes import REJECTED, MemoryLedger, a_part, a_pipeline
from support.reviews import add_reviews, labelled, review

from inspector.adapters.ledger import DeclaredVersion, SqlArchive, SqlLedger, store_versions
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.vote import Vote
from inspector.errors import LedgerError

WHOLE = (Vote(ViewName.DIRECT, 0, 0.04, 1, 30.0, "No", 0.83), Vote(ViewName.ZOOM, 1, None, 9, 80.0, "hm"))


async def test_shadow_votes_and_reviews_leave_the_part_as_it_was(opened: Opened) -> None:
    part = a_part()
    await opened.ledger.record(part, [])
    await opened.ledger.add_shadow(part.result_id, WHOLE)
    review(opened, [labelled(part.result_id, True)])
    row = opened.archive.part(part.result_id)
    assert row is not None
    assert row.part == part


async def test_the_votes_of_a_ladder_are_kept_once(opened: Opened) -> None:
    part = a_part()
    await opened.ledger.record(part, [])
    await opened.ledger.add_shadow(part.result_id, WHOLE)
    await opened.ledger.add_shadow(part.result_id, WHOLE[:1])
    if isinstance(opened.ledger, MemoryLedger):
        assert opened.ledger.shadows[part.result_id] == WHOLE
    else:
        assert fetch(opened.url, "SELECT view FROM shadow_votes ORDER BY position") == [("direct",), ("zoom",)]


async def test_nothing_is_said_about_a_part_that_is_not_there(opened: Opened) -> None:
    part = a_part()
    await opened.ledger.record(part, [])
    with pytest.raises(LedgerError, match="no part has result_id 'gone'"):
        await opened.ledger.add_shadow("gone", WHOLE)


async def test_the_history_of_a_line_tells_truths_ladders_and_totals(database: str) -> None:
    parts = [a_part(f"t-{k}", decision=REJECTED) if k % 2 else a_part(f"t-{k}") for k in range(6)]
    stranger = a_part("t-9", line="casting")
    async with SqlLedger(database) as ledger:
        for part in (*parts, stranger):
            await ledger.record(part, [])
        await ledger.add_shadow(parts[0].result_id, WHOLE)
    add_reviews(database, [labelled(parts[1].result_id, ng) for ng in (False, True)])
    archive = SqlArchive(database)
    found = archive.history("pcb", "0123456789abcdef", newest=2)
    archive.close()
    assert [past.part.key.trigger_id for past in found.parts] == ["t-0", "t-1", "t-4", "t-5"]
    assert [past.is_ng for past in found.parts] == [None, True, None, None], "the reviewer's newest answer counts"
    assert [vote.p_ng for vote in found.parts[0].shadow] == [0.04, None]
    assert found.totals == {Disposition.PASS: 3, Disposition.REJECT: 3}


async def test_parts_judged_under_other_scores_are_no_history(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.record(a_part(), [])
    archive = SqlArchive(database)
    assert archive.history("pcb", "f" * 16, newest=9).parts == ()
    archive.close()


@pytest.mark.parametrize(
    ("changed", "fingerprint"),
    [
        pytest.param({"deadline_ms": 900}, "0123456789abcdef", id="a change that leaves scores alone"),
        pytest.param({"product": "other board"}, None, id="a change of words: nothing was judged since"),
    ],
)
async def test_the_stamp_of_a_line_is_that_of_the_parts_judged_as_it_is_declared(
    database: str, changed: dict[str, Any], fingerprint: str | None
) -> None:
    store_versions(database, [DeclaredVersion(a_pipeline(), ())])
    async with SqlLedger(database) as ledger:
        await ledger.record(a_part(), [])
    archive = SqlArchive(database)
    assert archive.fingerprint("pcb") == "0123456789abcdef"
    store_versions(database, [DeclaredVersion(a_pipeline(**changed), (), parent=1)])
    assert archive.fingerprint("pcb") == fingerprint
    archive.close()


def test_text_of_a_declaration_stays_with_a_version_that_brings_none(database: str) -> None:
    store_versions(database, [DeclaredVersion(a_pipeline(), (), "ann", "line: pcb  # Monday")])
    store_versions(database, [DeclaredVersion(a_pipeline(deadline_ms=900), (), "bob", parent=1)])
    assert fetch(database, "SELECT source FROM pipeline_versions ORDER BY version") == [("line: pcb  # Monday",)] * 2
