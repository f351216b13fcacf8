"""Pauses of single cameras, and what each camera sends by the minute."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
COUNTS = ("frames", "lost", "frozen", "measured")


def upgrade() -> None:
    op.create_table(
        "camera_states",
        _column("number", NUMBER, primary_key=True, autoincrement=True),
        *(_column(name, sa.String()) for name in ("line", "camera")),
        _column("is_paused", sa.Boolean()),
        _column("reason", sa.JSON()),
        _column("author", sa.String()),
        _column("at", TIME),
    )
    op.create_index("ix_camera_states_line", "camera_states", ["line"])
    op.create_table(
        "camera_minutes",
        *(_column(name, sa.String()) for name in ("line", "camera")),
        _column("minute", TIME),
        *(_column(name, sa.BigInteger()) for name in COUNTS),
        *(_column(name, sa.Double()) for name in ("sharpness", "luminance")),
        *(_column(name, sa.Integer(), nullable=True) for name in ("width_px", "height_px")),
        _column("picture_format", sa.String(), nullable=True),
        _column("skew_ms", sa.Double(), nullable=True),
        _column("mqtt_version", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("line", "camera", "minute", name="pk_camera_minutes"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_camera_minutes_minute", "camera_minutes", ["minute"])


def _column(name: str, kind: Any, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, **options)
