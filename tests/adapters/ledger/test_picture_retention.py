"""Which pictures stay and which go; and that no row ever promises a picture that was taken away."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.databases import Opened, fetch, holds
from support.fakes import NOON, REJECTED, MemoryLedger, a_part, a_pipeline, a_verdict, live_version
from support.reviews import add_reviews, labelled, review

from inspector.adapters.ledger import (
    DeclaredVersion,
    FileEvidence,
    SqlChallengeStore,
    SqlDraftStore,
    SqlLedger,
    store_remembering,
    store_versions,
)
from inspector.adapters.ledger.picture_files import MIN_AGE_TO_REMOVE_S
from inspector.adapters.ledger.picture_retention import PARTS_PER_STEP, is_kept
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.domain.heat_map import HeatMap
from inspector.domain.part import Evidence, PartRecord
from inspector.domain.pipeline import Retention
from inspector.domain.report import Box
from inspector.domain.vote import Opinion
from inspector.errors import LedgerError
from inspector.ports.archive import PartFilter
from inspector.ports.challenge import ChallengeChange, NewChallengePart
from inspector.ports.drafts import Draft
from inspector.ports.ledger import Ledger
from inspector.station.picture_retention import PictureRetention
from inspector.utc import utc_now

LATER = NOON + timedelta(hours=25)
NONE_KEPT = Retention(pass_pictures=0.0)
REVIEW = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)


def picture(name: object) -> Evidence:
    return Evidence(hashlib.sha256(str(name).encode()).hexdigest(), "image/jpeg", 10)


def pictured(name: object, *, line: str = "pcb", decided_at: datetime = NOON, shown: object = None) -> PartRecord:
    """A passed part with a picture of its own, or the one that is `shown`."""
    return a_part(f"t-{name}", line=line, decided_at=decided_at, evidence=picture(name if shown is None else shown))


async def marked(ledger: Ledger, *, line: str = "pcb", retention: Retention = NONE_KEPT) -> set[str]:
    while await ledger.release_pictures(line, retention, LATER):
        pass
    return await removed(ledger)


async def removed(ledger: Ledger) -> set[str]:
    """Remove all pictures that are due; return them."""
    found: set[str] = set()
    while due := await ledger.due_pictures(7):
        await ledger.pictures_removed(due)
        found |= set(due)
    return found


async def test_pictures_of_passes_go_and_those_of_all_others_stay(opened: Opened) -> None:
    for name, decision in (("passed", None), ("rejected", REJECTED), ("review", REVIEW)):
        part = pictured(name)
        await opened.ledger.record(part if decision is None else replace(part, decision=decision), [])
    assert await marked(opened.ledger) == {picture("passed").sha256}


async def test_removed_picture_is_said_to_be_removed_and_one_that_is_only_gone_is_not(opened: Opened) -> None:
    for name in ("removed", "kept"):
        await opened.ledger.record(pictured(name, decided_at=NOON if name == "removed" else LATER), [])
    await marked(opened.ledger)
    shown = {row.part.key.trigger_id: row.part.evidence for row in opened.archive.parts(PartFilter(), 10)}
    assert {name: each is not None and each.is_removed for name, each in shown.items()} == {
        "t-removed": True,
        "t-kept": False,
    }
    await opened.ledger.record(pictured("again", shown="removed", decided_at=LATER), [])
    [again] = [row.part.evidence for row in opened.archive.parts(PartFilter(), 1)]
    assert again is not None
    assert not again.is_removed  # the same picture was stored again


async def test_heat_map_goes_with_its_picture(opened: Opened) -> None:
    heat = HeatMap(1, 2, Box(0.0, 0.0, 1.0, 0.5), 0.25, 3.0, b"\x00\xff")
    for name, decided_at in (("old", NOON), ("young", LATER)):
        part = replace(pictured(name, decided_at=decided_at), opinion=Opinion(0.6, heat=heat))
        await opened.ledger.record(part, [])
    assert opened.archive.heat_map("pcb-cam1-t-old") == heat
    await marked(opened.ledger)
    assert opened.archive.heat_map("pcb-cam1-t-old") is None
    assert opened.archive.heat_map("pcb-cam1-t-young") == heat


async def test_young_pictures_stay(opened: Opened) -> None:
    await opened.ledger.record(pictured("old"), [])
    await opened.ledger.record(pictured("young", decided_at=LATER - timedelta(hours=23)), [])
    assert await marked(opened.ledger) == {picture("old").sha256}


async def test_share_that_stays_is_the_same_however_often_one_looks(opened: Opened) -> None:
    parts = [pictured(number) for number in range(200)]
    await asyncio.gather(*(opened.ledger.record(part, []) for part in parts))
    went = await marked(opened.ledger, retention=Retention(pass_pictures=0.3))
    stayed = {part.evidence.sha256 for part in parts if part.evidence} - went
    assert stayed == {sha256 for sha256 in stayed | went if is_kept(0.3, sha256)}
    assert 40 <= len(stayed) <= 80
    assert await marked(opened.ledger, retention=Retention(pass_pictures=0.3)) == set()


async def test_line_that_keeps_less_from_now_on_goes_through_its_parts_again(opened: Opened) -> None:
    parts = [pictured(number) for number in range(40)]
    await asyncio.gather(*(opened.ledger.record(part, []) for part in parts))
    first = await marked(opened.ledger, retention=Retention(pass_pictures=0.5))
    second = await marked(opened.ledger)
    assert first | second == {part.evidence.sha256 for part in parts if part.evidence}
    assert not first & second


async def test_picture_of_a_reviewed_part_stays(opened: Opened) -> None:
    part = pictured("reviewed")
    await opened.ledger.record(part, [])
    review(opened, [labelled(part.result_id, False)])
    assert await marked(opened.ledger) == set()


async def test_picture_of_a_disputed_part_stays(opened: Opened) -> None:
    part = pictured("disputed")
    await opened.ledger.record(part, [])
    answers = [labelled(part.result_id, ng, by) for by, ng in (("ann", True), ("bob", False))]
    review(opened, answers)
    assert await marked(opened.ledger) == set()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(pictured("b", shown="a"), decision=REJECTED), id="that was rejected"),
        pytest.param(pictured("b", shown="a", decided_at=LATER), id="that is young"),
        pytest.param(pictured("b", shown="a", line="casting"), id="of a line that was not gone through yet"),
    ],
)
async def test_picture_that_another_part_needs_stays(database: str, other: PartRecord) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.record(pictured("a"), [])
        await ledger.record(other, [])
        assert await marked(ledger) == set()


async def test_picture_of_two_lines_goes_when_the_second_lets_go_too(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.record(pictured("a"), [])
        await ledger.record(pictured("b", shown="a", line="casting"), [])
        assert await marked(ledger) == set()
        assert await marked(ledger, line="casting") == {picture("a").sha256}


async def test_picture_that_another_line_keeps_stays(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.record(pictured("b", shown="a", line="casting"), [])
        await ledger.record(pictured("a"), [])
        assert await marked(ledger, line="casting", retention=Retention(pass_pictures=1.0)) == set()
        assert await marked(ledger) == set()


async def test_golden_sample_stays(opened: Opened) -> None:
    golden = picture("golden").sha256
    if isinstance(opened.ledger, MemoryLedger):
        opened.ledger.versions = [live_version(a_pipeline(), 1, (golden,))]
    else:
        store_versions(opened.url, [DeclaredVersion(a_pipeline(), (golden,))])
    await opened.ledger.record(pictured("golden"), [])
    assert await marked(opened.ledger) == set()


async def test_picture_put_again_for_a_new_part_is_promised_again(opened: Opened) -> None:
    await opened.ledger.record(pictured("a"), [])
    assert await marked(opened.ledger) == {picture("a").sha256}
    await opened.ledger.record(replace(pictured("b", shown="a"), decision=REJECTED), [])
    assert await marked(opened.ledger) == set()
    if opened.url:
        assert fetch(opened.url, "SELECT removal FROM evidence") == [(None,)]


async def test_step_is_bounded_and_the_next_one_goes_on(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await asyncio.gather(*(ledger.record(pictured(number), []) for number in range(PARTS_PER_STEP + 20)))
        assert await ledger.release_pictures("pcb", NONE_KEPT, LATER)
        assert len(await removed(ledger)) == PARTS_PER_STEP
        assert not await ledger.release_pictures("pcb", NONE_KEPT, LATER)
        assert len(await removed(ledger)) == 20


# ---------------------------------------------------------------------- needed after it was marked

Need = Callable[[SqlLedger, str, str], Awaitable[object]]  # what makes a picture needed: of the ledger at this URL
WATCHED = a_pipeline(golden_samples=("golden/a.jpg",))


async def a_person_reviews_the_part(ledger: SqlLedger, url: str, sha256: str) -> None:
    await asyncio.to_thread(add_reviews, url, [labelled("pcb-cam1-t-a", True)])


async def the_verdict_is_withdrawn(ledger: SqlLedger, url: str, sha256: str) -> None:
    assert await ledger.withdraw("pcb-cam1-t-a", REVIEW, b"{}", in_time=True)


async def another_part_shows_it(ledger: SqlLedger, url: str, sha256: str) -> None:
    await ledger.record(replace(pictured("b", shown="a"), decision=REJECTED), [])


async def it_becomes_a_golden_sample(ledger: SqlLedger, url: str, sha256: str) -> None:
    await asyncio.to_thread(store_versions, url, [DeclaredVersion(WATCHED, (sha256,), parent=1)])


async def it_is_a_golden_sample_of_an_open_draft(ledger: SqlLedger, url: str, sha256: str) -> None:
    with closing(SqlDraftStore(url)) as store:
        store.add_draft(Draft("d1", WATCHED, (sha256,), 1, "ann", "", "", NOON))


async def it_becomes_a_challenge_part(ledger: SqlLedger, url: str, sha256: str) -> None:
    with closing(SqlChallengeStore(url)) as store:
        store.add_challenge_parts("pcb", [NewChallengePart(sha256, True)], ChallengeChange("ann", NOON))


async def the_line_remembers_it(ledger: SqlLedger, url: str, sha256: str) -> None:
    declared = DeclaredVersion(a_pipeline(similar_parts="5" * 64), (), parent=1)
    assert await asyncio.to_thread(store_remembering, url, declared, [sha256])


async def the_line_keeps_every_picture_now(ledger: SqlLedger, url: str, sha256: str) -> None:
    await ledger.release_pictures("pcb", Retention(pass_pictures=1.0), LATER)


async def the_line_keeps_pictures_longer_and_all_of_them(ledger: SqlLedger, url: str, sha256: str) -> None:
    await ledger.release_pictures("pcb", Retention(pass_pictures=1.0, after_hours=1000.0), LATER)


NEEDS: list[Need] = [
    a_person_reviews_the_part,
    the_verdict_is_withdrawn,
    another_part_shows_it,
    it_becomes_a_golden_sample,
    it_is_a_golden_sample_of_an_open_draft,
    it_becomes_a_challenge_part,
    the_line_remembers_it,
    the_line_keeps_every_picture_now,
    the_line_keeps_pictures_longer_and_all_of_them,
]


@pytest.mark.parametrize("need", NEEDS, ids=lambda each: each.__name__)
async def test_picture_that_becomes_needed_before_it_is_removed_stays(database: str, need: Need) -> None:
    sha256 = picture("a").sha256
    store_versions(database, [DeclaredVersion(a_pipeline(), ())])
    async with SqlLedger(database) as ledger:
        part = pictured("a")
        await ledger.record(part, [a_verdict(part)])
        await ledger.release_pictures("pcb", NONE_KEPT, LATER)
        assert fetch(database, "SELECT removal FROM evidence") == [("DUE",)]
        await need(ledger, database, sha256)
        assert await removed(ledger) == set()
        assert fetch(database, "SELECT removal FROM evidence") == [(None,)]


async def test_needed_pictures_hold_up_no_removal(database: str) -> None:
    async with SqlLedger(database) as ledger:
        parts = [pictured(number) for number in range(20)]
        await asyncio.gather(*(ledger.record(part, []) for part in parts))
        await ledger.release_pictures("pcb", NONE_KEPT, LATER)
        await asyncio.to_thread(add_reviews, database, [labelled(part.result_id, True) for part in parts[:-1]])
        assert await removed(ledger) == {picture(19).sha256}


async def test_removed_picture_stays_said_to_be_removed_whatever_needs_it(database: str) -> None:
    store_versions(database, [DeclaredVersion(a_pipeline(), ())])
    async with SqlLedger(database) as ledger:
        await ledger.record(pictured("a"), [])
        assert await marked(ledger) == {picture("a").sha256}
        await the_line_remembers_it(ledger, database, picture("a").sha256)
        await a_person_reviews_the_part(ledger, database, picture("a").sha256)
    assert fetch(database, "SELECT removal FROM evidence") == [("DONE",)]


# ---------------------------------------------------------------------- with the files


async def test_part_reviewed_while_its_store_is_away_keeps_its_picture(database: str, tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path / "evidence")
    store_versions(database, [DeclaredVersion(a_pipeline(retention={"pass_pictures": 0.0}), ())])
    async with SqlLedger(database) as ledger:
        kept = evidence.put(b"\xff\xd8\xffescape", "image/jpeg")
        part = replace(pictured("a"), evidence=kept)
        await ledger.record(part, [])
        make_older(tmp_path, 2 * MIN_AGE_TO_REMOVE_S)
        with pytest.raises(LedgerError, match="is away"):
            await PictureRetention(ledger, AwayEvidence(tmp_path / "evidence")).step()
        await asyncio.to_thread(add_reviews, database, [labelled(part.result_id, True)])
        await PictureRetention(ledger, evidence).step()
    assert holds(evidence, kept.sha256)


class AwayEvidence(FileEvidence):
    """A store that removes nothing: it does not answer."""

    def remove(self, sha256: str) -> None:
        raise LedgerError("the evidence store is away")


def sweep_until_killed(database: str, root: Path) -> None:
    """In a process that dies when it has removed its third picture."""
    command = [sys.executable, "-c", DYING_SWEEP, database, str(root)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr


DYING_SWEEP = """
import asyncio, os, signal, sys
from inspector.adapters.ledger import FileEvidence, SqlLedger
from inspector.station.picture_retention import PictureRetention

class Dying(FileEvidence):
    left = 3
    def remove(self, sha256):
        super().remove(sha256)
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)

async def main(url, root):
    async with SqlLedger(url) as ledger:
        await PictureRetention(ledger, Dying(root)).step()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def pictures_in(root: Path) -> int:
    return len(list(root.rglob("*.jpg")))


def make_older(root: Path, seconds: float) -> None:
    then = time.time() - seconds
    for path in root.rglob("*.jpg"):
        os.utime(path, (then, then))


async def test_sweep_that_is_killed_breaks_no_promise_and_the_next_one_finishes(database: str, tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path / "evidence")
    store_versions(database, [DeclaredVersion(a_pipeline(retention={"pass_pictures": 0.0}), ())])
    async with SqlLedger(database) as ledger:
        for number in range(10):
            kept = evidence.put(b"\xff\xd8\xff%d" % number, "image/jpeg")
            decided_at = NOON if number < 9 else utc_now()
            await ledger.record(replace(pictured(number), evidence=kept, decided_at=decided_at), [])
    make_older(tmp_path, 2 * MIN_AGE_TO_REMOVE_S)
    sweep_until_killed(database, tmp_path / "evidence")
    promised = {row[0] for row in fetch(database, "SELECT sha256 FROM evidence WHERE removal IS NULL")}
    assert all(holds(evidence, sha256) for sha256 in promised)
    assert pictures_in(tmp_path) == 7
    async with SqlLedger(database) as ledger:
        await PictureRetention(ledger, evidence).step()
    assert fetch(database, "SELECT count(*) FROM evidence WHERE removal = 'DONE'") == [(9,)]
    assert pictures_in(tmp_path) == 1


async def test_clock_that_was_wrong_for_a_while_holds_up_no_sweep(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.record(pictured("tomorrow", decided_at=LATER + timedelta(days=400)), [])
        await ledger.record(pictured("old"), [])
        assert len(await marked(ledger)) == 2
