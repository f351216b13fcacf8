"""A backlog of reviews is reported by its number and its age: when it begins, and every hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from support.fakes import NOON, MemoryLedger, a_pipeline, live_version
from support.line_fakes import MemoryPublisher

from inspector.domain.pipeline import ReviewSettings
from inspector.messages.topics import Topics
from inspector.ports.reviews import WaitingCounts
from inspector.station.event_log import EventLog
from inspector.station.review_backlog import ReviewBacklog, backlog_text

NOTHING = WaitingCounts(0, 0, 0, None, 10_000)
MANY = NOTHING._replace(open=501, oldest_open=NOON)


class BusyLedger(MemoryLedger):
    """A ledger whose lines have the backlog that a test gives them."""

    def __init__(self, pcb: WaitingCounts = NOTHING, mugs: WaitingCounts = NOTHING) -> None:
        super().__init__([live_version(a_pipeline("pcb")), live_version(a_pipeline("mugs"))])
        self.waiting = {"pcb": pcb, "mugs": mugs}

    async def waiting_counts(self, line: str) -> WaitingCounts:
        return self.waiting[line]


class CollectedEvents(EventLog):
    """Keeps the kind and the line of every event."""

    def __init__(self) -> None:
        super().__init__(MemoryLedger(), MemoryPublisher(), Topics())
        self.added: list[tuple[str, str]] = []

    def add(self, kind: str, text: str, *, line: str = "", **_: object) -> None:
        self.added.append((kind, line))


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


async def test_backlog_is_reported_when_it_begins_and_every_hour() -> None:
    ledger, events, clock = BusyLedger(), CollectedEvents(), Clock()
    backlog, reported = ReviewBacklog(ledger, events, now=clock), []
    for hours, counts in ((0.0, NOTHING), (0.1, MANY), (0.5, MANY), (1.2, MANY), (1.3, NOTHING), (1.4, MANY)):
        clock.now, ledger.waiting["pcb"] = NOON + timedelta(hours=hours), counts
        await backlog.check()
        reported.append(len(events.added))
    assert reported == [0, 1, 1, 2, 2, 3]
    assert set(events.added) == {("REVIEW_BACKLOG", "pcb")}


async def test_station_reports_its_own_lines() -> None:
    events = CollectedEvents()
    await ReviewBacklog(BusyLedger(MANY, MANY), events, ["mugs"], now=Clock()).check()
    assert events.added == [("REVIEW_BACKLOG", "mugs")]


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (NOTHING, None),
        (NOTHING._replace(open=500, oldest_open=NOON - timedelta(hours=23)), None),
        (MANY, "501 open part(s) wait for people (limit 500), the oldest for 0.0 h (limit 24)"),
        (NOTHING._replace(open=1, oldest_open=NOON - timedelta(hours=25)), "1 open part(s) wait for people"),
        (NOTHING._replace(open=10_000, oldest_open=NOON), "10000 or more open part(s)"),
    ],
)
def test_text_names_number_age_and_limits(counts: WaitingCounts, text: str | None) -> None:
    found = backlog_text(counts, ReviewSettings(), NOON)
    assert found is None if text is None else text in (found or "")
