"""The first ledger: parts with votes, reports, evidence and outbox; pipeline versions, cameras, losses, events."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _evidence()
    _parts()
    _votes()
    _reports()
    _outbox()
    _pipeline_versions()
    _cameras()
    _losses()
    _events()


def _evidence() -> None:
    op.create_table(
        "evidence",
        _column("sha256", sa.String(), primary_key=True),
        _column("media_type", sa.String()),
        _column("size_bytes", sa.BigInteger()),
        _column("width_px", sa.Integer()),
        _column("height_px", sa.Integer()),
        sqlite_with_rowid=False,
    )


def _parts() -> None:
    op.create_table(
        "parts",
        _column("number", NUMBER, primary_key=True),
        _column("result_id", sa.String()),
        *(_column(name, sa.String()) for name in ("line", "camera", "trigger_id")),
        *(_column(name, sa.String()) for name in ("state", "verdict", "disposition", "reason")),
        _column("detail", sa.JSON()),
        _column("pipeline_line", sa.String()),
        _column("pipeline_version", sa.Integer()),
        _column("fingerprint", sa.String()),
        *(_column(name, TIME) for name in ("received_at", "decided_at")),
        *(_column(name, sa.Double()) for name in ("latency_ms", "deadline_ms")),
        _column("late", sa.Boolean()),
        *(_column(name, sa.String(), nullable=True) for name in ("part_id", "product", "lot")),
        _column("seq", sa.BigInteger(), nullable=True),
        _column("captured_at", TIME, nullable=True),
        _column("is_simulated", sa.Boolean()),
        *(_column(name, sa.Double(), nullable=True) for name in ("p_ng", "agreement")),
        *(_column(name, sa.Integer()) for name in ("vote_count", "rungs")),
        _column("stopped_by", sa.String()),
        sa.Column("evidence", sa.String(), sa.ForeignKey("evidence.sha256")),
        sa.UniqueConstraint("line", "camera", "trigger_id"),
        sa.UniqueConstraint("result_id"),
        sqlite_autoincrement=True,
    )
    for scope in ((), ("line",), ("camera",), ("line", "camera")):
        _index("parts", *scope, "reason", "disposition", "number")
    totals = ["decided_at", "line", "disposition", "reason", "latency_ms", "vote_count"]
    op.create_index("ix_parts_totals", "parts", totals)


def _votes() -> None:
    op.create_table(
        "votes",
        _part(primary_key=True),
        _column("position", sa.Integer(), primary_key=True),
        _column("view", sa.String()),
        _column("rung", sa.Integer()),
        _column("p_ng", sa.Double(), nullable=True),
        _column("tokens", sa.Integer()),
        _column("ms", sa.Double()),
        _column("text", sa.JSON()),
        sqlite_with_rowid=False,
    )


def _reports() -> None:
    op.create_table(
        "reports",
        _part(primary_key=True),
        _column("words_state", sa.String()),
        _column("findings", sa.JSON()),
        _column("raw", sa.JSON()),
        _column("words_tokens", sa.Integer()),
        _column("words_ms", sa.Double()),
    )
    pending = sa.text("words_state = 'PENDING'")
    op.create_index("ix_reports_pending", "reports", ["part"], sqlite_where=pending, postgresql_where=pending)


def _outbox() -> None:
    op.create_table(
        "outbox",
        _column("number", NUMBER, primary_key=True),
        _column("message_id", sa.String(), unique=True),
        _part(),
        _column("line", sa.String()),
        _column("topic", sa.String()),
        _column("payload", sa.LargeBinary()),
        _column("confirms", sa.Boolean()),
        _column("correlation", sa.LargeBinary(), nullable=True),
        _column("published_at", TIME, nullable=True),
        sqlite_autoincrement=True,
    )
    _index("outbox", "part")
    waiting = sa.text("published_at IS NULL")
    op.create_index("ix_outbox_waiting", "outbox", ["number", "line"], sqlite_where=waiting, postgresql_where=waiting)


def _pipeline_versions() -> None:
    op.create_table(
        "pipeline_versions",
        _column("line", sa.String(), primary_key=True),
        _column("version", sa.Integer(), primary_key=True, autoincrement=False),
        _column("declaration", sa.JSON()),
        _column("golden", sa.JSON()),
        _column("author", sa.String()),
        _column("source", sa.String()),
        _column("created_at", TIME),
    )


def _cameras() -> None:
    op.create_table(
        "cameras",
        _column("line", sa.String(), primary_key=True),
        _column("camera", sa.String(), primary_key=True),
        _column("known", sa.Boolean()),
        _column("status", sa.String(), nullable=True),
        *(_column(name, TIME) for name in ("first_seen", "last_seen")),
        *(_column(name, sa.BigInteger()) for name in ("frames", "lost")),
        _column("last_seq", sa.BigInteger(), nullable=True),
    )


def _losses() -> None:
    op.create_table(
        "losses",
        _column("number", NUMBER, primary_key=True),
        _column("line", sa.String()),
        _column("camera", sa.String()),
        _column("at", TIME),
        _column("frames", sa.BigInteger()),
    )
    _index("losses", "at")


def _events() -> None:
    op.create_table(
        "events",
        _column("number", NUMBER, primary_key=True),
        _column("event_id", sa.String(), unique=True),
        _column("line", sa.String()),
        _column("camera", sa.String(), nullable=True),
        *(_column(name, sa.String()) for name in ("kind", "severity")),
        _column("text", sa.JSON()),
        _column("at", TIME),
        _column("count", sa.BigInteger()),
    )


def _column(name: str, kind: Any, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, **options)


def _part(*, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column("part", NUMBER, sa.ForeignKey("parts.number"), nullable=False, primary_key=primary_key)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
