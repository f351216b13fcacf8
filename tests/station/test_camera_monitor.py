"""Cameras, their activity and their lost frames."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from support.fakes import MemoryLedger, a_part
from support.line_fakes import MemoryPublisher

from inspector.domain.frame import Frame, FrameKey
from inspector.domain.reconciliation import Gap
from inspector.messages.topics import Topics
from inspector.station.camera_monitor import CameraMonitor
from inspector.station.camera_names import OTHERS
from inspector.station.event_log import EventLog
from inspector.utc import utc_now


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.domain.sequence.LOST_AFTER_S", -1.0)


@dataclass
class Run:
    """One run of a station, up to its end."""

    cameras: CameraMonitor
    events: EventLog

    async def flush(self) -> None:
        await self.cameras.flush()
        await self.events.flush()


async def a_run(ledger: MemoryLedger, *seqs: int) -> Run:
    """A station that received frames with these numbers, and decided none of them."""
    events = EventLog(ledger, MemoryPublisher(), Topics())
    cameras = CameraMonitor(ledger, events)
    await cameras.restore()
    for seq in seqs:
        frame = Frame(FrameKey("pcb", "cam1", f"t-{seq}"), b"", utc_now(), seq=seq)
        cameras.add_frame(frame, known=True)
        cameras.run_of(frame)
    return Run(cameras, events)


def gaps(ledger: MemoryLedger) -> list[tuple[int, int]]:
    return [(gap.first, gap.last) for loss in ledger.losses for gap in loss.gaps]


async def test_neighbours_that_never_came_are_one_gap() -> None:
    ledger = MemoryLedger()
    await (await a_run(ledger, 1, 4, 6)).flush()
    assert gaps(ledger) == [(2, 3), (5, 5)]
    assert [event.kind for event in ledger.events] == ["SEQUENCE_GAP"]


async def test_gap_that_was_open_when_a_station_died_is_found_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = MemoryLedger()
    monkeypatch.setattr("inspector.domain.sequence.LOST_AFTER_S", 60.0)
    await (await a_run(ledger, 1, 3)).flush()
    await ledger.record(a_part("t-3", seq=3), [])
    monkeypatch.setattr("inspector.domain.sequence.LOST_AFTER_S", -1.0)
    await (await a_run(ledger, 4)).flush()
    assert gaps(ledger) == [(2, 2)]


async def test_losses_wait_while_the_ledger_is_away() -> None:
    ledger = MemoryLedger()
    run = await a_run(ledger, 1, 3)
    ledger.away = True
    await run.flush()
    ledger.away = False
    await run.flush()
    await run.flush()
    assert gaps(ledger) == [(2, 2)]
    [camera] = await ledger.cameras()
    assert (camera.frames, camera.lost, camera.run, camera.last_seq) == (2, 1, 1, 3)


def test_gap_counts_its_frames() -> None:
    assert Gap(3, 7, utc_now(), 1).frames == 5


async def test_stored_copies_and_resent_frames_are_counted_with_one_event_for_the_copies() -> None:
    ledger = MemoryLedger()
    run = await a_run(ledger)
    for _ in range(3):
        run.cameras.add_retained("pcb", "cam1", "frame", known=True)
        run.cameras.add_resent("pcb", "cam1")
        await run.flush()
    run.cameras.add_retained("pcb", "cam2", "ack", known=True)
    await run.flush()
    assert [(event.kind, event.camera) for event in ledger.events] == [
        ("RETAINED_FRAME", "cam1"), ("RETAINED_FRAME", "cam2"),
    ]  # fmt: skip
    assert [(row.resent, row.retained) for row in ledger.list_cameras()] == [(3, 3), (0, 1)]


async def test_frames_that_nobody_read_are_counted_as_those_of_undeclared_cameras() -> None:
    ledger = MemoryLedger()
    run = await a_run(ledger, 1)
    run.cameras.add_undeclared("pcb", 700)
    run.cameras.add_undeclared("pcb", 41)
    await run.flush()
    found = {row.camera: (row.frames, row.known) for row in ledger.list_cameras() if row.line == "pcb"}
    assert found[OTHERS] == (741, False)
