"""The runs of cameras' counters, across restarts of a station: each gap is reported once, and no gap is made up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from support.fakes import NOON, MemoryLedger, a_part
from support.line_fakes import MemoryPublisher

from inspector.domain.frame import Frame, FrameKey
from inspector.errors import LedgerError
from inspector.messages.topics import Topics
from inspector.ports.ledger import CameraActivity
from inspector.station.event_log import EventLog
from inspector.station.frame_counters import FrameCounters, LostFrames
from inspector.utc import utc_now


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.domain.sequence.LOST_AFTER_S", -1.0)


def a_frame(seq: int | None, *, camera: str = "cam1", captured_at: datetime | None = None) -> Frame:
    return Frame(FrameKey("pcb", camera, f"t-{seq}"), b"", utc_now(), seq=seq, captured_at=captured_at)


async def a_process(ledger: MemoryLedger) -> tuple[FrameCounters, EventLog]:
    """A station that starts on this ledger."""
    events = EventLog(ledger, MemoryPublisher(), Topics())
    counters = FrameCounters(ledger, events)
    counters.restore(await ledger.cameras(), await ledger.newest_runs())
    return counters, events


async def received(counters: FrameCounters, seqs: Sequence[int]) -> list[int | None]:
    return [counters.add(a_frame(seq)) for seq in seqs]


async def decided(ledger: MemoryLedger, *seqs: int, run: int = 1) -> None:
    for seq in seqs:
        await ledger.record(a_part(f"t-{run}-{seq}", seq=seq, run=run, received_at=utc_now()), [])


async def noted_down(ledger: MemoryLedger, run: int, last_seq: int, *, ago: timedelta = timedelta()) -> None:
    activity = CameraActivity("pcb", "cam1", utc_now() - ago, True, 1, last_seq=last_seq, run=run)
    await ledger.add_camera_activity([activity])


def spans(lost: Sequence[LostFrames]) -> list[tuple[int, int, int]]:
    return [(each.gap.run, each.gap.first, each.gap.last) for each in lost]


async def kinds(events: EventLog, ledger: MemoryLedger) -> list[str]:
    await events.flush()
    return [event.kind for event in ledger.events]


async def test_restart_is_an_event_and_its_losses_are_of_the_new_run() -> None:
    ledger = MemoryLedger()
    counters, events = await a_process(ledger)
    assert await received(counters, [*range(1, 400), 1, 2, 3, 24, 25]) == [1] * 399 + [2] * 5
    assert spans(await counters.take_lost()) == [(2, 4, 23)]
    assert await kinds(events, ledger) == ["COUNTER_RESTARTED"]


async def test_jump_is_one_event_with_its_count_and_no_loss() -> None:
    ledger = MemoryLedger()
    counters, events = await a_process(ledger)
    await received(counters, [step * 99_999 for step in range(250)])
    assert await counters.take_lost() == []
    assert await kinds(events, ledger) == ["COUNTER_JUMPED"]
    assert ledger.events[0].count == 249


async def test_wrap_is_no_event() -> None:
    ledger = MemoryLedger()
    counters, events = await a_process(ledger)
    await received(counters, [254, 255, 0, 1])
    assert await kinds(events, ledger) == []


async def test_frame_without_a_number_has_no_run() -> None:
    counters, _ = await a_process(MemoryLedger())
    assert counters.add(a_frame(None)) is None
    assert counters.resume_at("pcb", "cam1") is None


async def test_what_an_earlier_process_decided_is_not_lost() -> None:
    """It died before it could note down how far it had seen."""
    ledger = MemoryLedger()
    await noted_down(ledger, run=1, last_seq=1)
    await decided(ledger, 2, 3, 5)
    counters, _ = await a_process(ledger)
    await received(counters, [7])
    assert spans(await counters.take_lost()) == [(1, 4, 4), (1, 6, 6)]


async def test_run_that_was_never_noted_down_is_continued() -> None:
    ledger = MemoryLedger()
    await noted_down(ledger, run=1, last_seq=900)
    await decided(ledger, 899, 900, run=1)
    await decided(ledger, 1, 2, 4, run=2)
    counters, events = await a_process(ledger)
    assert await received(counters, [5, 7]) == [2, 2]
    assert spans(await counters.take_lost()) == [(2, 3, 3), (2, 6, 6)]
    assert await kinds(events, ledger) == []


async def test_new_run_is_numbered_above_every_stored_one() -> None:
    ledger = MemoryLedger()
    await decided(ledger, 77_777_777, run=5)
    await decided(ledger, 900, run=4)
    await noted_down(ledger, run=4, last_seq=900, ago=timedelta(minutes=5))
    counters, _ = await a_process(ledger)
    assert [counters.add(a_frame(seq, captured_at=utc_now())) for seq in (1, 2)] == [6, 6]


async def test_ledger_of_before_runs_continues_in_its_first_one() -> None:
    ledger = MemoryLedger()
    await ledger.add_camera_activity([CameraActivity("pcb", "cam1", utc_now(), True, 1, last_seq=10)])
    counters, _ = await a_process(ledger)
    assert await received(counters, [12]) == [1]


async def test_numbers_of_another_run_explain_no_gap() -> None:
    ledger = MemoryLedger()
    await decided(ledger, 2, run=1)
    counters, _ = await a_process(MemoryLedger())
    counters._ledger = ledger
    await received(counters, [500, 1, 3])
    assert spans(await counters.take_lost()) == [(2, 2, 2)]


async def test_losses_wait_in_bounded_memory_while_the_ledger_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.station.frame_counters.MAX_WAITING_SPANS", 3)
    ledger = MemoryLedger()
    counters, _ = await a_process(ledger)
    ledger.away = True
    for camera in range(20):
        for seq in (1, 3):
            counters.add(a_frame(seq, camera=f"cam{camera}"))
        with pytest.raises(LedgerError):
            await counters.take_lost()
    assert sum(map(len, counters._waiting.values())) == 3
    ledger.away = False
    lost = [each for _ in range(20) for each in await counters.take_lost()]
    assert len(lost) == 20, "the others stayed with their cameras"
    assert await counters.take_lost() == []


async def test_loss_is_dated_when_it_was_noticed() -> None:
    counters, _ = await a_process(MemoryLedger())
    for seq in (1, 3):
        counters.add(replace(a_frame(seq), received_s=time.monotonic() - 60.0))
    [lost] = await counters.take_lost()
    assert timedelta(seconds=50) < utc_now() - lost.gap.at < timedelta(seconds=90)
    assert lost.gap.at > NOON
