"""Jobs: long work that people start and follow."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "jobs",
        _column("number", NUMBER, autoincrement=True),
        _column("kind", sa.String()),
        _column("line", sa.String()),
        _column("subject", sa.String()),
        _column("author", sa.String()),
        _column("owner", sa.String()),
        _column("state", sa.String()),
        _column("done", sa.Integer()),
        _column("total", sa.Integer()),
        _column("result", sa.JSON(), nullable=True),
        _column("error", sa.JSON()),
        _column("created_at", TIME),
        _column("started_at", TIME, nullable=True),
        _column("ended_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_jobs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_kind_subject", "jobs", ["kind", "subject"])


def _column(name: str, kind: Any, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, **options)
