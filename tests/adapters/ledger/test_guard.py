"""What the guard reads of the ledger, and the pause that it stores."""

from __future__ import annotations

from dataclasses import replace

from support.databases import fetch
from support.fakes import REJECTED, a_part, a_pipeline

from inspector.adapters.ledger import DeclaredVersion, SqlLedger, SqlLineStore, store_versions
from inspector.domain.decision import JudgedOutcome, Reason, Verdict, fail_safe
from inspector.domain.declared import Disposition
from inspector.domain.line_state import LineState
from inspector.domain.part import PartRecord
from inspector.ports.guard import GuardedPart, GuardPause
from inspector.ports.lines import StatusChange

PAUSE = GuardPause("pcb", 1, "REJECT_SHARE: more")
UNQUALIFIED = fail_safe(Disposition.REVIEW, Reason.UNQUALIFIED, "commissioning")
LATE = fail_safe(Disposition.REJECT, Reason.DEADLINE, "late")


def judged(name: str, version: int, part: PartRecord | None = None) -> PartRecord:
    part = part or a_part(name)
    return replace(part, pipeline=replace(part.pipeline, version=version))


async def test_parts_are_read_by_what_their_votes_say(database: str) -> None:
    would_reject = JudgedOutcome(Verdict.NG, Disposition.REJECT)
    parts = [
        judged("good", 1),
        judged("bad", 1, a_part("bad", decision=REJECTED, would_be=would_reject)),
        judged("withheld", 2, a_part("withheld", decision=UNQUALIFIED, would_be=would_reject)),
        judged("late", 2, a_part("late", decision=LATE, would_be=LATE.outcome)),
        judged("not asked", 2, a_part("not asked", votes=())),
        a_part("elsewhere", line="casting"),
    ]
    async with SqlLedger(database) as ledger:
        for part in parts:
            await ledger.record(part, [])
        every = await ledger.guarded_parts("pcb", 0, 100)
        newer = await ledger.guarded_parts("pcb", every[1].number, 100)
        newest = await ledger.guarded_parts("pcb", 0, 2)
    assert [each[1:] for each in every] == [(1, False), (1, True), (2, True), (2, False)]
    assert list(newer) == list(every[2:])
    assert list(newest) == [GuardedPart(every[-1].number, 2, False)], "the newest two, of which one has votes"


async def test_the_guard_pauses_a_live_line_once(database: str) -> None:
    store_versions(database, [DeclaredVersion(a_pipeline(), ())])
    people = SqlLineStore(database)
    async with SqlLedger(database) as ledger:
        assert not await ledger.pause_for_guard(PAUSE), "a line in commissioning passes nothing"
        people.change_status(StatusChange("pcb", LineState.LIVE, (), "", "ann"))
        assert await ledger.pause_for_guard(PAUSE)
        [version] = await ledger.pipelines()
        assert version.status.state is LineState.PAUSED
        assert not await ledger.pause_for_guard(PAUSE)
        people.change_status(StatusChange("pcb", LineState.LIVE, (), "it is right", "ann"))
        assert not await ledger.pause_for_guard(PAUSE), "a person has overruled it"
        store_versions(database, [DeclaredVersion(a_pipeline(deadline_ms=900), (), parent=1)])
        assert await ledger.pause_for_guard(PAUSE._replace(version=2)), "a new version is guarded anew"
    audited = fetch(database, "SELECT actor, action, subject FROM audit WHERE actor = 'guard'")
    assert audited == [("guard", "line.state", "pcb")] * 2
