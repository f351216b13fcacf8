"""The guard compares a new version's reject share with that of the version before it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from support.fakes import MemoryLedger, a_pipeline, live_version
from support.line_fakes import MemoryPublisher

from inspector.errors import LedgerError
from inspector.messages.topics import Topics
from inspector.ports.guard import GuardedPart, GuardPause
from inspector.station.event_log import EventLog
from inspector.station.reject_guard import GUARDED_PARTS, MIN_EARLIER_PARTS, MIN_PARTS, RejectGuard


class GuardedLine:
    """`ports.GuardStore` in memory, with a guard on one line."""

    def __init__(self, action: str = "event", reject_share: float = 0.02) -> None:
        self.parts: list[GuardedPart] = []
        self.pauses: list[GuardPause] = []
        self.overruled: set[int] = set()
        self.declared = a_pipeline(guard={"action": action, "reject_share": reject_share})
        self.reads = 0
        self.restart()

    def restart(self) -> None:
        self.ledger = MemoryLedger()
        self.guard = RejectGuard(self, EventLog(self.ledger, MemoryPublisher(), Topics("plant/v1")))

    async def guarded_parts(self, line: str, after: int, limit: int) -> Sequence[GuardedPart]:
        self.reads += 1
        return [each for each in self.parts if each.number > after][-limit:]

    async def pause_for_guard(self, pause: GuardPause) -> bool:
        if pause.version in self.overruled:
            return False
        self.overruled.add(pause.version)
        self.pauses.append(pause)
        return True

    async def judge(self, version: int, parts: int, rejected: int) -> list[str]:
        """Judge parts under a version, and return the texts of the events that follow."""
        fates = [True] * rejected + [False] * (parts - rejected)
        random.Random(version).shuffle(fates)
        self.parts += [GuardedPart(len(self.parts) + 1 + at, version, fate) for at, fate in enumerate(fates)]
        self.guard.follow([live_version(self.declared, version)])
        return await self.look()

    async def look(self) -> list[str]:
        known = len(self.ledger.events)
        await self.guard.step()
        await self.guard._events.flush()
        assert {event.kind for event in self.ledger.events} <= {"REJECT_SHARE"}
        return [event.text for event in self.ledger.events[known:]]


async def test_a_version_that_rejects_more_raises_an_event() -> None:
    line = GuardedLine()
    assert await line.judge(1, 100, 4) == []
    [text] = await line.judge(2, 40, 20)
    assert "version 2 rejects 20 of 40 parts (50.0%)" in text
    assert "version 1 rejected 4 of 100 parts (4.0%)" in text
    assert "inspector rollback pcb --to 1" in text
    assert line.pauses == []


async def test_a_version_that_rejects_less_raises_an_event() -> None:
    line = GuardedLine()
    await line.judge(1, 200, 80)
    assert len(await line.judge(2, 60, 0)) == 1


async def test_a_version_that_rejects_alike_raises_none() -> None:
    line = GuardedLine()
    await line.judge(1, 100, 4)
    assert await line.judge(2, 200, 12) == []


async def test_the_line_is_paused_where_it_says_so() -> None:
    line = GuardedLine("pause")
    await line.judge(1, 100, 4)
    [text] = await line.judge(2, 40, 20)
    assert [(each.line, each.version) for each in line.pauses] == [("pcb", 2)]
    assert "the line is paused" in text
    assert "inspector line live pcb" in text


async def test_a_change_is_reported_once() -> None:
    line = GuardedLine("pause")
    await line.judge(1, 100, 4)
    await line.judge(2, 40, 20)
    assert await line.judge(2, 40, 20) == []
    assert len(line.pauses) == 1


async def test_a_restarted_guard_counts_on_from_the_ledger() -> None:
    line = GuardedLine()
    await line.judge(1, 100, 4)
    await line.judge(2, MIN_PARTS - 1, MIN_PARTS - 1)
    line.restart()
    assert len(await line.judge(2, 1, 1)) == 1


async def test_a_line_that_people_set_live_again_stays_live() -> None:
    line = GuardedLine("pause")
    await line.judge(1, 100, 4)
    await line.judge(2, 40, 20)
    line.restart()
    await line.judge(2, 10, 10)
    assert len(line.pauses) == 1


async def test_a_rolled_back_version_is_compared_with_the_good_one() -> None:
    line = GuardedLine()
    await line.judge(1, 100, 4)
    assert await line.judge(2, 80, 60)
    assert await line.judge(3, 100, 4) == []


async def test_a_version_that_people_keep_is_what_later_ones_are_compared_with() -> None:
    line = GuardedLine()
    await line.judge(1, 100, 4)
    assert await line.judge(2, GUARDED_PARTS - 1, 300)
    await line.judge(2, 1, 0)
    assert await line.judge(3, 200, 60) == []


@pytest.mark.parametrize(("earlier", "parts"), [(MIN_EARLIER_PARTS - 1, 40), (100, MIN_PARTS - 1)])
async def test_too_few_parts_prove_nothing(earlier: int, parts: int) -> None:
    line = GuardedLine()
    await line.judge(1, earlier, 0)
    assert await line.judge(2, parts, parts) == []


async def test_short_lived_versions_between_are_skipped() -> None:
    line = GuardedLine()
    await line.judge(1, 100, 4)
    await line.judge(2, 3, 3)
    [text] = await line.judge(3, 40, 30)
    assert "version 1 rejected" in text


async def test_a_wider_band_lets_more_change() -> None:
    line = GuardedLine(reject_share=0.6)
    await line.judge(1, 100, 4)
    assert await line.judge(2, 40, 20) == []


async def test_only_new_versions_are_guarded() -> None:
    line = GuardedLine()
    await line.judge(1, 100, 4)
    await line.judge(2, GUARDED_PARTS, 40)
    reads = line.reads
    assert await line.judge(2, 500, 500) == []
    assert line.reads == reads, "a version that kept its band is not read about any more"


async def test_a_line_without_a_guard_is_not_read() -> None:
    line = GuardedLine()
    line.declared = a_pipeline()
    await line.judge(1, 100, 0)
    assert await line.judge(2, 100, 100) == []
    assert line.reads == 0


async def test_the_guard_goes_on_when_the_ledger_is_back() -> None:
    line = GuardedLine()
    await line.judge(1, 100, 4)

    async def away(line: str, after: int, limit: int) -> Sequence[GuardedPart]:
        raise LedgerError("away")

    read, line.guarded_parts = line.guarded_parts, away  # type: ignore[method-assign]
    with pytest.raises(LedgerError):
        await line.judge(2, 40, 30)
    line.guarded_parts = read  # type: ignore[method-assign]
    assert len(await line.look()) == 1
