"""Minutes of cameras: what is summed, when it is stored, and what stays bounded."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support.fakes import NOON, MemoryLedger
from support.line_fakes import at_work, frame, pipeline
from support.station_line import Line

from inspector.domain.frame import Frame, FrameKey
from inspector.domain.pipeline import Quality
from inspector.domain.quality import Measurements
from inspector.errors import LedgerError
from inspector.ports.camera_minutes import CameraMinute
from inspector.station import camera_minutes
from inspector.station.camera_minutes import CameraMinutes

JPEG = b"\xff\xd8\xff picture"
SEEN = Measurements(640, 480, sharpness=200.0, luminance=0.4, change=0.1)


class Clock:
    def __init__(self) -> None:
        self.at = NOON + timedelta(seconds=5)

    def __call__(self) -> datetime:
        return self.at


def a_frame(skew_ms: float | None = None, payload: bytes = JPEG) -> Frame:
    captured_at = None if skew_ms is None else NOON - timedelta(milliseconds=skew_ms)
    return Frame(FrameKey("pcb", "cam1", "t-1"), payload, NOON, captured_at=captured_at, mqtt_version="5")


async def test_minute_sums_what_a_camera_sent() -> None:
    ledger, clock = MemoryLedger(), Clock()
    minutes = CameraMinutes(ledger, clock)
    for skew_ms in (40.0, -250.0, None):
        minutes.add_frame("pcb", "cam1", a_frame(skew_ms))
    minutes.add_measured("pcb", "cam1", SEEN, Quality())
    minutes.add_measured("pcb", "cam1", Measurements(640, 480, 100.0, 0.6, change=0.0), Quality())
    minutes.add_lost("pcb", "cam1", 7)
    clock.at += timedelta(minutes=1)
    await minutes.flush()
    (minute,) = ledger.camera_series
    assert (minute.minute, minute.frames, minute.lost, minute.frozen) == (NOON, 3, 7, 1)
    assert (minute.width_px, minute.height_px, minute.picture_format, minute.mqtt_version) == (640, 480, "JPEG", "5")
    assert (minute.mean_sharpness, minute.mean_luminance) == (150.0, 0.5)
    assert minute.skew_ms == -250.0
    assert minute.frames_per_s == 0.05


async def test_minute_is_stored_when_it_has_ended_and_once() -> None:
    ledger, clock = MemoryLedger(), Clock()
    minutes = CameraMinutes(ledger, clock)
    minutes.add_frame("pcb", "cam1", a_frame())
    await minutes.flush()
    assert ledger.camera_series == []
    clock.at += timedelta(seconds=56)
    minutes.add_frame("pcb", "cam1", a_frame())
    await minutes.flush()
    await minutes.flush(all_of_them=True)
    assert [(each.minute, each.frames) for each in ledger.camera_series] == [
        (NOON, 1),
        (NOON + timedelta(minutes=1), 1),
    ]


async def test_minutes_are_told_of_once_they_are_stored() -> None:
    ledger, clock, told = MemoryLedger(), Clock(), list[CameraMinute]()
    minutes = CameraMinutes(ledger, clock, on_stored=told.extend)
    minutes.add_frame("pcb", "cam1", a_frame())
    clock.at += timedelta(minutes=1)
    ledger.away = True
    with pytest.raises(LedgerError):
        await minutes.flush()
    assert told == []
    ledger.away = False
    await minutes.flush()
    assert told == ledger.camera_series


async def test_minutes_wait_while_the_ledger_is_away_and_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_minutes, "MAX_WAITING_MINUTES", 3)
    ledger, clock = MemoryLedger(), Clock()
    ledger.away = True
    minutes = CameraMinutes(ledger, clock)
    for _ in range(6):
        minutes.add_frame("pcb", "cam1", a_frame())
        clock.at += timedelta(minutes=1)
        with pytest.raises(LedgerError):
            await minutes.flush()
    ledger.away = False
    await minutes.flush()
    assert [each.minute for each in ledger.camera_series] == [NOON + timedelta(minutes=at) for at in (3, 4, 5)]


async def test_station_notes_what_its_cameras_send() -> None:
    line = Line()
    line.declare(pipeline())
    async with at_work(line.station, line.outbox):
        await line.station.inspect(frame())
    await line.cameras.flush(ended=True)
    minute = line.ledger.camera_series[0]
    assert (minute.line, minute.frames, minute.measured) == ("pcb", 1, 1)
    assert minute.width_px == line.pictures.seen.width_px
