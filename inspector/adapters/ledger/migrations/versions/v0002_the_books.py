"""Reconciliation: acknowledgements, reviews, numbers of lost frames, counts of PLCs, and removed pictures."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _parts()
    _outbox()
    _evidence()
    _losses()
    _counts()
    _sweeps()


def _parts() -> None:
    for name, kind in (("acknowledged_at", TIME), ("gate_disposition", sa.String()), ("reviewed_at", TIME)):
        op.add_column("parts", sa.Column(name, kind))
    op.create_index("ix_parts_line_camera_seq", "parts", ["line", "camera", "seq"], **_where("seq IS NOT NULL"))
    op.create_index("ix_parts_evidence", "parts", ["evidence"], **_where("evidence IS NOT NULL"))


def _outbox() -> None:
    op.add_column("outbox", sa.Column("ack_within_ms", sa.Double()))
    op.add_column("outbox", sa.Column("ack_due_at", TIME))
    op.create_index("ix_outbox_ack_due", "outbox", ["ack_due_at"], **_where("ack_due_at IS NOT NULL"))


def _evidence() -> None:
    op.add_column("evidence", sa.Column("removal", sa.String()))
    op.create_index("ix_evidence_due", "evidence", ["sha256"], **_where("removal = 'DUE'"))


def _losses() -> None:
    op.add_column("losses", sa.Column("first_seq", sa.BigInteger()))
    op.add_column("losses", sa.Column("last_seq", sa.BigInteger()))
    op.create_index("ix_losses_line_camera", "losses", ["line", "camera"])


def _counts() -> None:
    op.create_table(
        "counts",
        _column("number", NUMBER, primary_key=True),
        _column("line", sa.String()),
        _column("camera", sa.String()),
        _column("triggers", sa.BigInteger()),
        *(_column(name, TIME) for name in ("since", "until", "at")),
        _column("decided", sa.BigInteger(), nullable=True),
        _column("lost", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("line", "camera", "since", "until"),
    )
    op.create_index("ix_counts_waiting", "counts", ["number"], **_where("decided IS NULL"))


def _sweeps() -> None:
    op.create_table(
        "sweeps",
        _column("line", sa.String(), primary_key=True),
        _column("share", sa.Double()),
        _column("number", NUMBER),
    )


def _column(name: str, kind: Any, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, **options)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
