"""Challenge sets in databases of either kind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from support.databases import execute, fetch
from support.fakes import NOON, a_part, a_pipeline

from inspector.adapters.ledger import DeclaredVersion, SqlChallengeStore, SqlLedger, store_versions, upgrade
from inspector.adapters.ledger.backup.snapshot import open_snapshot
from inspector.domain.challenge import ChallengeAnswer
from inspector.domain.declared import ViewName
from inspector.domain.part import Evidence
from inspector.domain.pipeline import Retention
from inspector.domain.quality import Measurements
from inspector.domain.vote import Opinion, StoppedBy, Vote
from inspector.errors import InspectorError, LedgerError
from inspector.ports.challenge import ChallengeChange, NewChallengePart

PICTURE = "ab" * 32
CHANGE = ChallengeChange("ann", NOON, "first lot")
VOTES = (Vote(ViewName.DIRECT, 0, 0.25, 3, 12.5, "No \u0000", 0.75, 0.5), Vote(ViewName.ZOOM, 1, None))


@pytest.fixture
def store(blank: str) -> Iterator[SqlChallengeStore]:
    upgrade(blank)
    with closing(SqlChallengeStore(blank)) as store:
        yield store


def an_answer(part: int, **changes: object) -> ChallengeAnswer:
    given = {
        "part": part, "fingerprint": "f" * 16, "policy": "p" * 16, "votes": VOTES, "stopped_by": StoppedBy.SETTLED,
        "opinion": Opinion(0.0), "is_bad_image": False, "max_unlike": 1.5, "latency_ms": 120.5, "at": NOON,
        "measured": Measurements(640, 480, 99.5, 0.5),
    }  # fmt: skip
    return ChallengeAnswer(**(given | changes))  # type: ignore[arg-type]


def test_answers_come_back_as_they_were_stored(store: SqlChallengeStore) -> None:
    one, two = store.add_challenge_parts(
        "pcb", [NewChallengePart("a" * 64, True), NewChallengePart(PICTURE, False)], CHANGE
    )
    plain = an_answer(two, votes=(), opinion=None, max_unlike=None, is_bad_image=True, stopped_by=StoppedBy.ERROR)
    for answer in (an_answer(one), plain, an_answer(one, fingerprint="0" * 16, votes=VOTES[:1])):
        store.add_challenge_answer(answer)
    assert store.challenge_answers("pcb", "f" * 16) == {one: an_answer(one), two: plain}
    assert store.challenge_answers("casting", "f" * 16) == {}


def test_a_later_answer_replaces_the_earlier_one(store: SqlChallengeStore) -> None:
    [part] = store.add_challenge_parts("pcb", [NewChallengePart(PICTURE, True)], CHANGE)
    store.add_challenge_answer(an_answer(part))
    later = an_answer(part, votes=VOTES[1:], policy="q" * 16, at=NOON + timedelta(days=1))
    store.add_challenge_answer(later)
    assert store.challenge_answers("pcb", "f" * 16) == {part: later}


def test_a_picture_is_in_a_set_once(store: SqlChallengeStore) -> None:
    store.add_challenge_parts("pcb", [NewChallengePart(PICTURE, True)], CHANGE)
    store.add_challenge_parts("casting", [NewChallengePart(PICTURE, True)], CHANGE)
    with pytest.raises(LedgerError, match="the challenge parts can't be stored"):
        store.add_challenge_parts("pcb", [NewChallengePart("c" * 64, True), NewChallengePart(PICTURE, False)], CHANGE)
    assert len(store.challenge_parts("pcb")) == 1


async def test_pictures_of_a_set_outlive_their_parts(blank: str, store: SqlChallengeStore) -> None:
    later, none_kept = NOON + timedelta(hours=25), Retention(pass_pictures=0.0)
    async with SqlLedger(blank) as ledger:
        await ledger.record(a_part("t-1", evidence=Evidence(PICTURE, "image/jpeg", 10)), [])
        [number] = await asyncio.to_thread(store.add_challenge_parts, "pcb", [NewChallengePart(PICTURE, True)], CHANGE)
        await ledger.release_pictures("pcb", none_kept, later)
        assert not await ledger.due_pictures(10)
        await asyncio.to_thread(store.remove_challenge_parts, "pcb", [number], CHANGE)
        execute(blank, "DELETE FROM sweeps")
        await ledger.release_pictures("pcb", none_kept, later)
        assert await ledger.due_pictures(10) == (PICTURE,)
        await asyncio.to_thread(store.add_challenge_parts, "pcb", [NewChallengePart(PICTURE, True)], CHANGE)
    assert fetch(blank, "SELECT removal FROM evidence") == [(None,)]


def test_a_backup_holds_the_pictures_of_a_set(blank: str, store: SqlChallengeStore) -> None:
    [kept, gone] = store.add_challenge_parts(
        "pcb", [NewChallengePart(PICTURE, True), NewChallengePart("d" * 64, True)], CHANGE
    )
    store.remove_challenge_parts("pcb", [gone], CHANGE)
    with open_snapshot(blank) as snapshot:
        assert snapshot.pictures() == [PICTURE]
        assert {"challenge_parts", "challenge_judgements", "challenge_votes", "qualifications"} <= {
            table.name for table in snapshot.tables()
        }
    assert [each.number for each in store.challenge_parts("pcb")] == [kept]


def test_no_golden_sample_becomes_a_challenge_part_and_no_challenge_part_a_golden_sample(database: str) -> None:
    """Whoever asked before is not asked here: a rollback brings an earlier version's golden samples back."""
    store_versions(database, [DeclaredVersion(a_pipeline(), (PICTURE,))])
    with closing(SqlChallengeStore(database)) as store:
        with pytest.raises(InspectorError, match="some pictures became golden samples of pcb meanwhile"):
            store.add_challenge_parts(
                "pcb", [NewChallengePart("c" * 64, True), NewChallengePart(PICTURE, True)], CHANGE
            )
        assert store.challenge_parts("pcb") == []
        store_versions(database, [DeclaredVersion(a_pipeline(), (), parent=1)])
        [number] = store.add_challenge_parts("pcb", [NewChallengePart(PICTURE, True)], CHANGE)
    with pytest.raises(InspectorError, match=f"run first: inspector challenge remove pcb {number}"):
        store_versions(database, [DeclaredVersion(a_pipeline(), (PICTURE,), parent=2)])
    assert fetch(database, "SELECT version FROM pipeline_versions ORDER BY version") == [(1,), (2,)]
