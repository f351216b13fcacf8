"""Books by runs of a camera's counter: the run of each part, loss and camera.

Stored parts get the run that their numbers and times of capture show, and losses the run that lasted at their time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

LATE_FRAMES = 16  # a frame that overtook no more than these is late
FAR_BACK_FRAMES = 1_000  # without a time of capture, a step back by more than these began another run
FAR_AHEAD_FRAMES = 100_000
CLOCK_TOLERANCE = timedelta(seconds=1)

TIME = sa.DateTime(timezone=True)
PARTS = sa.table(
    "parts",
    *(sa.column(name, sa.BigInteger()) for name in ("number", "seq", "run")),
    *(sa.column(name, sa.String()) for name in ("line", "camera")),
    *(sa.column(name, TIME) for name in ("received_at", "captured_at")),
)
LOSSES = sa.table(
    "losses",
    *(sa.column(name, sa.BigInteger()) for name in ("number", "first_seq", "run")),
    *(sa.column(name, sa.String()) for name in ("line", "camera")),
    sa.column("at", TIME),
)
CAMERAS = sa.table(
    "cameras", *(sa.column(name, sa.String()) for name in ("line", "camera")), sa.column("run", sa.BigInteger())
)


class StoredRun:
    """A run of a camera's counter, from `first_row` to `last_row` of the table of parts."""

    def __init__(self, number: int, row: Any) -> None:
        self.number = number
        self.first_row = self.last_row = row.number
        self.began_at = row.received_at
        self.head = row.seq
        self.captured_at = row.captured_at

    def is_left_by(self, row: Any) -> bool:
        """Return whether this part's number belongs to another run."""
        back: int = self.head - row.seq
        if row.captured_at is None or self.captured_at is None:
            return back > FAR_BACK_FRAMES or -back > FAR_AHEAD_FRAMES
        is_newer: bool = row.captured_at > self.captured_at
        return -back > FAR_AHEAD_FRAMES or (back > LATE_FRAMES and is_newer)

    def add(self, row: Any) -> None:
        self.last_row, self.head = row.number, max(self.head, row.seq)
        self.captured_at = max(filter(None, (self.captured_at, row.captured_at)), default=None)


Runs = dict[tuple[str, str], list[StoredRun]]


def upgrade() -> None:
    for table in ("parts", "losses", "cameras"):
        op.add_column(table, sa.Column("run", sa.BigInteger()))
    connection = op.get_bind()
    runs = _stored_runs(connection)
    _number_parts(connection, runs)
    _number_losses(connection, runs)
    _number_cameras(connection, runs)
    op.drop_index("ix_parts_line_camera_seq", "parts")
    where: dict[str, Any] = {"sqlite_where": sa.text("run IS NOT NULL"), "postgresql_where": sa.text("run IS NOT NULL")}
    op.create_index("ix_parts_runs", "parts", ["line", "camera", "run", "seq"], **where)


def _stored_runs(connection: sa.Connection) -> Runs:
    part = PARTS.c
    numbered = sa.select(part.number, part.line, part.camera, part.seq, part.received_at, part.captured_at)
    numbered = numbered.where(part.seq.is_not(None)).order_by(part.number).execution_options(yield_per=10_000)
    found: Runs = {}
    for row in connection.execute(numbered):
        runs = found.setdefault((row.line, row.camera), [])
        if not runs or runs[-1].is_left_by(row):
            runs.append(StoredRun(len(runs) + 1, row))
        runs[-1].add(row)
    return found


def _number_parts(connection: sa.Connection, found: Runs) -> None:
    part = PARTS.c
    for (line, camera), runs in found.items():
        for run in runs:
            rows = (part.line == line, part.camera == camera, part.number.between(run.first_row, run.last_row))
            connection.execute(sa.update(PARTS).where(*rows, part.seq.is_not(None)).values(run=run.number))


def _number_losses(connection: sa.Connection, found: Runs) -> None:
    loss = LOSSES.c
    rows = connection.execute(sa.select(LOSSES).where(loss.first_seq.is_not(None))).all()
    for row in rows:
        runs = [run for run in found.get((row.line, row.camera), ()) if run.began_at <= row.at + CLOCK_TOLERANCE]
        number = runs[-1].number if runs else 1
        connection.execute(sa.update(LOSSES).where(loss.number == row.number).values(run=number))


def _number_cameras(connection: sa.Connection, found: Runs) -> None:
    camera = CAMERAS.c
    for (line, name), runs in found.items():
        mine = sa.update(CAMERAS).where(camera.line == line, camera.camera == name)
        connection.execute(mine.values(run=runs[-1].number))
