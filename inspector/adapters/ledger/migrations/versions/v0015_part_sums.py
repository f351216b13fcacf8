"""Sums over parts by minute and quarter of an hour. `schema.upgrade` fills them from the parts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

BUCKETS = 42
BIG = sa.BigInteger()
START = ("start", sa.DateTime(timezone=True))
PLACE = (START, ("line", sa.String()), ("camera", sa.String()))
OUTCOME = tuple((name, sa.String()) for name in ("disposition", "reason", "would_be_disposition"))
KINDS = (("is_judged", sa.Boolean()), ("is_simulated", sa.Boolean()))


def upgrade() -> None:
    for table in ("part_minutes", "part_quarters"):
        op.create_table(
            table,
            *(_column(name, kind) for name, kind in (*PLACE, *OUTCOME, *KINDS)),
            *(_column(name, BIG) for name in ("parts", "late", "votes")),
            *(_column(f"bucket_{number}", BIG, server_default="0") for number in range(BUCKETS)),
            sa.PrimaryKeyConstraint(*(name for name, _ in (*PLACE, *OUTCOME, *KINDS)), name=f"pk_{table}"),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "defect_quarters",
        *(_column(name, kind) for name, kind in (*PLACE, ("defect", sa.String()), KINDS[1])),
        _column("parts", BIG),
        sa.PrimaryKeyConstraint("start", "line", "camera", "defect", "is_simulated", name="pk_defect_quarters"),
        sqlite_with_rowid=False,
    )
    op.drop_index("ix_parts_totals", "parts")
    op.create_index("ix_parts_decided_at", "parts", ["decided_at"])


def _column(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)
