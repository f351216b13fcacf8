"""Changes of a line's state by people who do not know the newest one: a pause always wins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from support.databases import fetch
from support.fakes import NOON, a_pipeline

from inspector.adapters.ledger import DeclaredVersion, SqlLedger, SqlLineStore, store_versions
from inspector.domain.line_state import LineState, PassRight, RightOrigin
from inspector.errors import StaleError
from inspector.ports.guard import GuardPause
from inspector.ports.lines import SeenLine, StatusChange

OVERRIDE = PassRight("f1", "p1", RightOrigin.OVERRIDE, ("*",), NOON + timedelta(days=1), "trial")
PAUSE = StatusChange("pcb", LineState.PAUSED, (), "a hand is in the machine", "bob")
ROUNDS = 10


@pytest.fixture
def lines(database: str) -> SqlLineStore:
    store_versions(database, [DeclaredVersion(a_pipeline(), ())])
    return SqlLineStore(database)


def live(number: int, version: int = 1) -> StatusChange:
    return StatusChange("pcb", LineState.LIVE, (OVERRIDE,), "trial", "ann", SeenLine(version, number))


def states(url: str) -> list[str]:
    return [state for (state,) in fetch(url, "SELECT state FROM line_states ORDER BY number")]


def newest_number(url: str) -> int:
    [(number,)] = fetch(url, "SELECT coalesce(max(number), 0) FROM line_states")
    return int(number)


def test_a_change_that_has_not_seen_a_pause_stores_nothing(database: str, lines: SqlLineStore) -> None:
    lines.change_status(PAUSE)
    with pytest.raises(StaleError, match=r"pcb: bob set it PAUSED meanwhile \(a hand is in the machine\)"):
        lines.change_status(live(0))
    assert (states(database), fetch(database, "SELECT * FROM pass_rights")) == (["PAUSED"], [])
    assert fetch(database, "SELECT count(*) FROM audit WHERE actor = 'ann'") == [(0,)]


def test_a_second_pause_of_a_paused_line_wins_too(database: str, lines: SqlLineStore) -> None:
    lines.change_status(PAUSE)
    seen = newest_number(database)
    lines.change_status(PAUSE._replace(reason="the belt stands"))
    with pytest.raises(StaleError, match="the belt stands"):
        lines.change_status(live(seen))
    lines.change_status(live(newest_number(database)))
    assert states(database) == ["PAUSED", "PAUSED", "LIVE"]


async def test_a_pause_by_the_guard_wins_too(database: str, lines: SqlLineStore) -> None:
    lines.change_status(live(0))
    seen = newest_number(database)
    async with SqlLedger(database) as ledger:
        assert await ledger.pause_for_guard(GuardPause("pcb", 1, "REJECT_SHARE: more"))
    with pytest.raises(StaleError, match="guard set it PAUSED"):
        lines.change_status(live(seen))
    assert states(database) == ["LIVE", "PAUSED"]


def test_a_change_of_another_version_is_refused(database: str, lines: SqlLineStore) -> None:
    store_versions(database, [DeclaredVersion(a_pipeline(deadline_ms=900), (), "bob", parent=1)])
    with pytest.raises(StaleError, match="version 2 is live, not 1"):
        lines.change_status(live(0))
    lines.change_status(live(0, version=2))
    assert states(database) == ["LIVE"]


def test_a_pause_at_the_same_moment_always_wins(database: str, lines: SqlLineStore) -> None:
    with ThreadPoolExecutor(2) as people:
        for _ in range(ROUNDS):
            start, going_live = Barrier(2), live(newest_number(database))

            def change(asked: StatusChange, start: Barrier = start) -> bool:
                start.wait()
                try:
                    lines.change_status(asked)
                except StaleError:
                    return False
                return True

            _, paused = people.map(change, (going_live, PAUSE))
            assert paused, "a pause works whatever it has not seen"
            assert states(database)[-1] == "PAUSED"
