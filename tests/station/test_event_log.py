"""Every distinct cause of an event is kept and counted, and no sender makes the log grow without bound."""

from __future__ import annotations

import pytest
from support.fakes import MemoryLedger
from support.line_fakes import MemoryPublisher

from inspector.messages.topics import Topics
from inspector.station.event_log import MAX_CAUSES, MAX_TEXT, EventLog


class Desk:
    """An event log and what it wrote."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.publisher = MemoryPublisher()
        self.log = EventLog(self.ledger, self.publisher, Topics())

    def add(self, text: str, camera: str = "cam1", kind: str = "BAD_PROPERTY") -> None:
        self.log.add(kind, text, line="pcb", camera=camera)

    async def written(self) -> dict[str, int]:
        await self.log.flush()
        assert len(self.publisher.announced) == len(self.ledger.events)
        return {event.text: event.count for event in self.ledger.events}


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_each_cause_of_one_kind_is_kept_with_its_count(desk: Desk) -> None:
    for text in ("seq 'a' is no number", "lot is too long", "seq 'a' is no number", "product is empty"):
        desk.add(text)
    assert await desk.written() == {"seq 'a' is no number": 2, "lot is too long": 1, "product is empty": 1}


async def test_numbers_of_parts_make_no_causes_of_their_own_and_the_last_is_shown(desk: Desk) -> None:
    for number in range(1000, 1100):
        desk.add(f"st3-{number}: the verdict was PASS, the gate reports REJECT")
    desk.add("http://model-1/v1 is away")
    desk.add("http://model-2/v1 is away")
    written = await desk.written()
    assert written["st3-1099: the verdict was PASS, the gate reports REJECT"] == 100
    assert len(written) == 3


async def test_cause_that_was_published_is_not_published_again_at_once(desk: Desk) -> None:
    desk.add("first")
    await desk.written()
    for _ in range(3):
        desk.add("first")
    desk.add("second")
    assert await desk.written() == {"first": 1, "second": 1}


async def test_invented_causes_share_one_event_and_known_ones_are_still_counted(desk: Desk) -> None:
    invented = [f"cause {'x' * number}" for number in range(50)]
    for text in invented:
        desk.add(text)
    desk.add(invented[0])
    desk.add("other", camera="cam2")
    written = await desk.written()
    assert written[invented[0]] == 2
    assert written[f"further causes, the last: {invented[-1]}"] == 50 - MAX_CAUSES
    assert written["other"] == 1
    assert sum(written.values()) == 52
    assert len(written) == MAX_CAUSES + 2


async def test_bound_holds_over_several_intervals_of_writing(desk: Desk) -> None:
    for number in range(200):
        desk.add("x" * number)
        if number % 10 == 0:
            await desk.log.flush()
    assert len(await desk.written()) == MAX_CAUSES + 1


async def test_long_text_is_cut(desk: Desk) -> None:
    desk.add("y" * 10_000)
    assert [len(text) for text in await desk.written()] == [MAX_TEXT]
