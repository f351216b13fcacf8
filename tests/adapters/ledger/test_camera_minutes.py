"""Minutes of cameras in the database: added up over restarts, and removed after a month."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

from support.fakes import NOON

from inspector.adapters.ledger import SqlArchive, SqlLedger
from inspector.ports.camera_minutes import CameraMinute

MINUTE = CameraMinute("pcb", "cam1", NOON, 60, 1, 2, 58, 5800.0, 29.0, 640, 480, "JPEG", -3.0, "5")


async def test_minute_that_two_runs_of_a_station_shared_is_added_up(database: str) -> None:
    later = MINUTE._replace(frames=10, measured=0, sharpness=0.0, luminance=0.0, width_px=None, picture_format=None)
    async with SqlLedger(database) as ledger:
        await ledger.add_camera_minutes([MINUTE, MINUTE._replace(camera="cam2")])
        await ledger.add_camera_minutes([later])
    with closing(SqlArchive(database)) as archive:
        (minute,) = archive.camera_minutes("pcb", "cam1", NOON, NOON + timedelta(minutes=1))
        assert archive.camera_minutes("pcb", "cam1", NOON + timedelta(minutes=1), NOON + timedelta(hours=1)) == []
    assert (minute.frames, minute.lost, minute.mean_sharpness) == (70, 2, 100.0)
    assert (minute.width_px, minute.picture_format, minute.mqtt_version) == (640, "JPEG", "5")


async def test_minutes_are_kept_for_a_month(database: str) -> None:
    old = [MINUTE._replace(minute=NOON - timedelta(days=days)) for days in (0, 30, 32)]
    async with SqlLedger(database) as ledger:
        await ledger.add_camera_minutes(old)
        await ledger.forget_minutes(NOON)
    with closing(SqlArchive(database)) as archive:
        assert len(archive.camera_minutes("pcb", "cam1", NOON - timedelta(days=400), NOON + timedelta(days=1))) == 2
