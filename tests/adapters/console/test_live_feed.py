"""The stream: what is new reaches every browser once, a browser that comes again misses nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.console_api import services_of
from support.console_parts import a_pass, store
from support.fakes import NOON, MemoryEvidence, MemoryLedger, a_pipeline, live_version

from inspector.adapters.console import live_feed
from inspector.adapters.console.access import visitor
from inspector.adapters.console.api.stream import read_stream
from inspector.adapters.console.live_feed import FeedPosition, LiveFeed
from inspector.domain.frame import FrameKey
from inspector.domain.line_state import LineState
from inspector.ports.ledger import Event
from inspector.ports.lines import StatusChange

Message = dict[str, Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_feed, "POLL_INTERVAL_S", 0.01)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger([live_version(a_pipeline())])


@pytest.fixture
def feed(ledger: MemoryLedger) -> LiveFeed:
    return services_of(ledger, MemoryEvidence()).feed


async def messages(feed: LiveFeed, since: str | None = None) -> AsyncIterator[Message]:
    position = FeedPosition.parse(since) if since else None
    async for chunk in feed.listen(position):
        for text in chunk.decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in text.split("\n"))
            yield {"id": fields["id"], "event": fields["event"], **json.loads(fields["data"])}


async def take(stream: AsyncIterator[Message], kind: str, count: int = 1) -> list[Message]:
    async with asyncio.timeout(10):
        found: list[Message] = []
        while len(found) < count:
            message = await anext(stream)
            found += [message] if message["event"] == kind else []
    return found


async def test_new_parts_events_and_states_are_sent_in_order(feed: LiveFeed, ledger: MemoryLedger) -> None:
    store(ledger, a_pass("old"))
    stream = messages(feed)
    await take(stream, "heartbeat")
    store(ledger, a_pass("r1"), a_pass("r2"))
    ledger.events.append(Event("e1", "pcb", None, "FRAMES_LOST", "ALARM", "7 frames lost", NOON, 7))
    first, second = await take(stream, "part", 2)
    assert [first["verdict"]["result_id"], second["verdict"]["result_id"]] == ["r1", "r2"]
    assert (await take(stream, "event"))[0]["text"] == "7 frames lost"
    ledger.change_status(StatusChange("pcb", LineState.PAUSED, (), "belt", "ann"))
    async with asyncio.timeout(10):
        while (await take(stream, "line"))[0]["state"] != "PAUSED":  # the state before may come first
            pass


async def test_browser_that_comes_again_gets_what_it_missed(feed: LiveFeed, ledger: MemoryLedger) -> None:
    store(ledger, *(a_pass(f"r{n}") for n in range(1, 8)))
    missed = await take(messages(feed, "4.0"), "part", 3)
    assert [each["number"] for each in missed] == [5, 6, 7]


@pytest.mark.parametrize(("header", "query", "first"), [(None, "4.0", 5), ("6.0", "4.0", 7)])
async def test_stream_goes_on_where_another_tab_heard_last(
    ledger: MemoryLedger, header: str | None, query: str, first: int
) -> None:
    store(ledger, *(a_pass(f"r{n}") for n in range(1, 8)))
    answer = await read_stream(services_of(ledger, MemoryEvidence()), visitor("ann"), header, query)
    chunks: AsyncIterator[Any] = aiter(answer.body_iterator)
    await anext(chunks)
    assert f'"number":{first},' in (await anext(chunks)).decode().split("\n\n")[0]


async def test_browser_that_missed_too_much_reads_the_lists_again(
    feed: LiveFeed, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_feed, "MAX_REPLAYED", 5)
    store(ledger, *(a_pass(f"r{n}") for n in range(1, 8)))
    assert await take(messages(feed, "1.0"), "reset")


@pytest.mark.parametrize("text", ["", "1", "a.b", "1.2.3", "-1.0", "9" * 40 + ".0", "٣.0"])
def test_foreign_event_id_is_none_of_ours(text: str) -> None:
    assert FeedPosition.parse(text) is None


async def test_slow_browser_gets_a_reset_and_costs_bounded_memory(
    feed: LiveFeed, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_feed, "MAX_WAITING_CHUNKS", 3)
    slow = messages(feed)
    await take(slow, "heartbeat")
    for n in range(8):
        store(ledger, a_pass(f"r{n}"))
        await asyncio.sleep(0.05)
    assert await take(slow, "reset")


async def test_part_that_another_station_commits_late_is_sent(feed: LiveFeed, ledger: MemoryLedger) -> None:
    store(ledger, a_pass("r1"))
    stream = messages(feed)
    await take(stream, "heartbeat")
    store(ledger, a_pass("r2"), a_pass("r3"))
    late = ledger.rows.pop(1)
    assert [each["number"] for each in await take(stream, "part")] == [3]
    ledger.rows.insert(1, late)
    assert [each["number"] for each in await take(stream, "part")] == [2]


async def test_ledger_away_is_said_and_the_stream_goes_on(feed: LiveFeed, ledger: MemoryLedger) -> None:
    stream = messages(feed)
    await take(stream, "heartbeat")
    ledger.away = True
    assert (await take(stream, "problem"))[0]["detail"] == "the database is away"
    ledger.away = False
    store(ledger, a_pass("r1"))
    assert (await take(stream, "part"))[0]["number"] == 1


async def test_nobody_listens_nothing_is_read(feed: LiveFeed, ledger: MemoryLedger) -> None:
    stream = messages(feed)
    await take(stream, "heartbeat")
    await stream.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0.1)
    assert feed.listeners == 0
    ledger.parts = None  # type: ignore[assignment, method-assign]
    await asyncio.sleep(0.05)


async def test_browser_of_a_person_of_one_line_gets_that_line_only(feed: LiveFeed, ledger: MemoryLedger) -> None:
    store(ledger, a_pass("old"))
    chunks, every = feed.listen(None, ("cap",)), messages(feed)
    await anext(chunks)
    await take(every, "heartbeat")
    ledger.events.append(Event("e1", "service", None, "LEDGER_AWAY", "ALARM", "gone", NOON))
    store(ledger, a_pass("r1"), a_pass("r2", key=FrameKey("cap", "cam1", "r2")))
    await take(every, "part", 2)
    text = ""
    async with asyncio.timeout(10):
        while "event: part" not in text:
            text += (await anext(chunks)).decode()
    assert ('"line":"cap"' in text, '"result_id":"r1"' in text, "LEDGER_AWAY" in text) == (True, False, False)
    again = feed.listen(FeedPosition(1, 0), ("cap",))
    await anext(again)
    replayed = (await anext(again)).decode()
    assert ('"line":"cap"' in replayed, '"result_id":"r1"' in replayed, "LEDGER_AWAY" in replayed) == (
        True,
        False,
        False,
    )


def alarms(first: int, last: int) -> list[Event]:
    return [Event(f"e{n}", "pcb", None, "FRAMES_LOST", "ALARM", str(n), NOON) for n in range(first, last + 1)]


async def test_browser_that_comes_again_gets_every_alarm_that_it_missed(feed: LiveFeed, ledger: MemoryLedger) -> None:
    ledger.events += alarms(1, 700)
    missed = await take(messages(feed, "0.1"), "event", 699)
    assert [each["number"] for each in missed] == list(range(2, 701))


async def test_browser_that_missed_too_many_alarms_reads_the_lists_again(
    feed: LiveFeed, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_feed, "MAX_REPLAYED", 5)
    ledger.events += alarms(1, 7)
    stream = messages(feed, "0.1")
    await take(stream, "heartbeat")
    reset = await anext(stream)
    assert (reset["event"], reset["id"]) == ("reset", "0.7")


async def test_alarms_that_are_stored_at_once_are_all_sent(feed: LiveFeed, ledger: MemoryLedger) -> None:
    ledger.events += alarms(1, 10)
    stream = messages(feed)
    await take(stream, "heartbeat")
    ledger.events += alarms(11, 710)
    assert [each["number"] for each in await take(stream, "event", 700)] == list(range(11, 711))


async def test_alarm_that_another_process_commits_late_is_sent(
    feed: LiveFeed, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, page = {12}, ledger.event_page
    monkeypatch.setattr(
        ledger, "event_page", lambda wanted, limit: [row for row in page(wanted, limit) if row.number not in late]
    )
    ledger.events += alarms(1, 10)
    stream = messages(feed)
    await take(stream, "heartbeat")
    ledger.events += alarms(11, 13)
    assert [each["number"] for each in await take(stream, "event", 2)] == [11, 13]
    late.clear()
    [event] = await take(stream, "event")
    assert (event["number"], event["id"]) == (12, "0.13")


async def test_stream_that_breaks_off_anywhere_loses_nothing(feed: LiveFeed, ledger: MemoryLedger) -> None:
    store(ledger, *(a_pass(f"r{n}") for n in range(1, 4)))
    ledger.events += alarms(1, 3)
    stream = messages(feed, "1.1")
    said = [await anext(stream) for _ in range(5)]
    assert [(each["event"], each["id"]) for each in said] == [
        ("heartbeat", "1.1"),
        ("part", "2.1"),
        ("part", "3.1"),
        ("event", "3.2"),
        ("event", "3.3"),
    ]


async def test_feed_that_begins_while_the_ledger_is_away_says_reset_instead_of_old_news(
    feed: LiveFeed, ledger: MemoryLedger
) -> None:
    store(ledger, a_pass("old"))
    ledger.events += alarms(1, 3)
    ledger.away = True
    stream = messages(feed)
    await take(stream, "problem")
    ledger.away = False
    async with asyncio.timeout(10):
        while (message := await anext(stream))["event"] in ("problem", "heartbeat"):
            pass
    assert (message["event"], message["id"]) == ("reset", "1.3")
