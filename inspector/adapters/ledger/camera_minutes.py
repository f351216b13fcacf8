"""Stores what cameras send by the minute, and reads it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select

from inspector.adapters.ledger.database import INSERTS
from inspector.adapters.ledger.tables import camera_minutes
from inspector.ports.camera_minutes import CameraMinute

DAYS_KEPT: Final = 31
SUMS: Final = ("frames", "lost", "frozen", "measured", "sharpness", "luminance")
LATEST: Final = ("width_px", "height_px", "picture_format", "mqtt_version")


def add_camera_minutes(connection: Connection, group: Sequence[Sequence[CameraMinute]]) -> list[None]:
    """Store minutes. One that is stored already was begun by an earlier run of the station, and is added to."""
    statement = _addition(connection.dialect.name)
    for minutes in group:
        if rows := [minute._asdict() for minute in sorted(minutes, key=lambda each: each[:3])]:
            connection.execute(statement, rows)
    return [None] * len(group)


def read_camera_minutes(
    connection: Connection, line: str, camera: str, since: datetime, until: datetime
) -> list[CameraMinute]:
    every = camera_minutes.c
    own = (every.line == line, every.camera == camera, every.minute >= since, every.minute < until)
    rows = connection.execute(select(camera_minutes).where(*own).order_by(every.minute))
    return [CameraMinute(**row) for row in rows.mappings()]


def forget_camera_minutes(connection: Connection, now: datetime) -> None:
    """Remove the minutes that are older than DAYS_KEPT."""
    connection.execute(delete(camera_minutes).where(camera_minutes.c.minute < now - timedelta(days=DAYS_KEPT)))


@cache
def _addition(dialect: str) -> Any:
    new = INSERTS[dialect](camera_minutes)
    old, added = camera_minutes.c, new.excluded
    sums = {name: old[name] + added[name] for name in SUMS}
    latest = {name: func.coalesce(added[name], old[name]) for name in LATEST}
    least = {"skew_ms": func.coalesce(added.skew_ms, old.skew_ms)}
    return new.on_conflict_do_update(index_elements=[old.line, old.camera, old.minute], set_=sums | latest | least)
