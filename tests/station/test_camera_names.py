"""Names come from outside without limit; what a station keeps about them does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.fakes import MemoryLedger
from support.line_fakes import MemoryPublisher, frame, pipeline
from support.station_line import Line

from inspector.domain.frame import FrameKey
from inspector.messages.topics import Topics
from inspector.station.camera_names import MAX_UNDECLARED_CAMERAS, MAX_UNKNOWN_LINES, CameraNames
from inspector.station.event_log import EventLog

MANY = 1_000


@pytest.mark.parametrize("cameras", [["*"], ["cam1"]], ids=["any camera", "declared cameras"])
async def test_many_names_on_one_line_become_one_number(cameras: list[str]) -> None:
    line = Line()
    line.declare(pipeline(cameras=cameras))
    await line.station.inspect(frame("first"))
    for number in range(MANY):
        line.station.on_status("pcb", f"name-{number}", "online")
        await line.station.inspect(replace(frame(f"t-{number}"), key=FrameKey("pcb", f"name-{number}", "t-1")))
    await line.cameras.flush()
    rows = {row.camera: row for row in await line.ledger.cameras()}
    assert len(rows) <= MAX_UNDECLARED_CAMERAS + 2
    assert rows["cam1"].frames == 1
    assert rows["*"].frames >= MANY - MAX_UNDECLARED_CAMERAS
    assert not rows["*"].known
    await line.events.flush()
    assert len(line.ledger.events) <= MAX_UNDECLARED_CAMERAS + 2


def test_many_lines_become_one_number() -> None:
    names = CameraNames()
    names.declare({"pcb": []})
    places = {names.place(f"line-{number}", "cam1") for number in range(MANY)}
    assert len(places) == MAX_UNKNOWN_LINES + 1
    assert names.place("pcb", "cam1") == ("pcb", "cam1")


async def test_a_declared_camera_has_its_own_entry_after_a_flood_and_a_restart() -> None:
    line = Line()
    line.declare(pipeline())
    await line.station.inspect(frame("first"))
    for number in range(MANY):
        line.station.on_status("pcb", f"name-{number}", "online")
    await line.cameras.flush()
    again = CameraNames()
    again.declare({"pcb": []})
    kept = again.restore(await line.ledger.cameras())
    assert "cam1" in {row.camera for row in kept}
    again.declare({"pcb": ["late"]})
    assert again.place("pcb", "late").is_own


async def test_events_of_many_names_share_one() -> None:
    ledger = MemoryLedger()
    events = EventLog(ledger, MemoryPublisher(), Topics("plant/v1"))
    for number in range(MANY):
        events.add("BAD_PROPERTY", "text", line="pcb", camera=f"name-{number}")
        events.add("UNKNOWN_LINE", "text", line=f"line-{number}", camera="cam1")
    await events.flush()
    assert len(ledger.events) <= MAX_UNDECLARED_CAMERAS + MAX_UNKNOWN_LINES + 2
    assert sum(event.count for event in ledger.events) == 2 * MANY
