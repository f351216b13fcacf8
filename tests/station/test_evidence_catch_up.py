"""Events about the store of pictures: one when it is away, one when it has all of them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.fakes import MemoryLedger
from support.line_fakes import MemoryPublisher

from inspector.messages.topics import Topics
from inspector.ports.evidence import SpoolState
from inspector.station.event_log import EventLog
from inspector.station.evidence_catch_up import EvidenceCatchUp

pytestmark = pytest.mark.virtual_time

AWAY = SpoolState(3, 30, "the store is away")
NOTHING = SpoolState()


@dataclass
class Spool:
    """A spool whose states are given."""

    states: Sequence[SpoolState]
    asked: int = 0

    def catch_up(self) -> SpoolState:
        self.asked += 1
        return self.states[min(self.asked, len(self.states)) - 1]


@dataclass
class Kinds(EventLog):
    """Keeps the events in order."""

    added: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(MemoryLedger(), MemoryPublisher(), Topics())

    def add(self, kind: str, text: str, **details: Any) -> None:
        self.added.append((kind, text))


async def reported(*states: SpoolState) -> list[tuple[str, str]]:
    events = Kinds()
    catch_up = EvidenceCatchUp(Spool(states), events)
    for _ in states:
        await catch_up.step()
    return events.added


async def test_store_that_takes_all_is_no_event() -> None:
    assert await reported(NOTHING, NOTHING) == []


async def test_outage_is_one_alarm_and_its_end_one_notice() -> None:
    events = await reported(NOTHING, AWAY, AWAY, SpoolState(2, 20), NOTHING, NOTHING)
    assert [kind for kind, _ in events] == ["EVIDENCE_AWAY", "EVIDENCE_BACK"]
    assert events[0][1] == "the store is away; pictures are kept on this machine until it takes them"
    assert "at most 3 waited" in events[1][1]


async def test_store_is_not_back_while_pictures_wait() -> None:
    assert [kind for kind, _ in await reported(AWAY, SpoolState(2, 20))] == ["EVIDENCE_AWAY"]


async def test_full_spool_is_an_alarm_of_its_own() -> None:
    events = await reported(AWAY, SpoolState(3, 30, "the store is away", is_full=True))
    assert [kind for kind, _ in events] == ["EVIDENCE_AWAY", "EVIDENCE_AWAY"]
    assert "INSPECTOR_EVIDENCE_SPOOL_MIB" in events[1][1]
