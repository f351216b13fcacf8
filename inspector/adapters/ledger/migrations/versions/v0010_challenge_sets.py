"""Challenge sets, what models said about their parts, and qualifications."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
DOUBLE: sa.Double[float] = sa.Double()


def upgrade() -> None:
    _challenge_parts()
    _challenge_answers()
    _qualifications()


def _challenge_parts() -> None:
    op.create_table(
        "challenge_parts",
        _column("number", NUMBER, primary_key=True),
        *(_column(name, sa.String()) for name in ("line", "sha256", "author")),
        _column("is_ng", sa.Boolean()),
        *(_column(name, sa.JSON()) for name in ("group", "note", "reason")),
        _column("at", TIME),
        _column("removed_at", TIME, nullable=True),
        _column("removed_by", sa.String(), nullable=True),
        _column("removal_reason", sa.JSON(), nullable=True),
    )
    op.create_index("ix_challenge_parts_line", "challenge_parts", ["line"])
    here = sa.text("removed_at IS NULL")
    op.create_index(
        "ix_challenge_parts_set",
        "challenge_parts",
        ["line", "sha256"],
        unique=True,
        sqlite_where=here,
        postgresql_where=here,
    )


def _challenge_answers() -> None:
    op.create_table(
        "challenge_judgements",
        *_key("challenge_judgements"),
        *(_column(name, sa.String()) for name in ("policy", "stopped_by")),
        *(_column(name, DOUBLE, nullable=True) for name in ("opinion", "max_unlike")),
        _column("is_bad_image", sa.Boolean()),
        *(_column(name, sa.Integer()) for name in ("width_px", "height_px")),
        *(_column(name, DOUBLE) for name in ("latency_ms", "sharpness", "luminance")),
        _column("at", TIME),
    )
    op.create_table(
        "challenge_votes",
        *_key("challenge_votes"),
        _column("position", sa.Integer(), primary_key=True),
        _column("view", sa.String()),
        *(_column(name, sa.Integer()) for name in ("rung", "tokens")),
        *(_column(name, DOUBLE, nullable=True) for name in ("p_ng", "p_true", "readable")),
        _column("ms", DOUBLE),
        _column("text", sa.JSON()),
        sqlite_with_rowid=False,
    )


def _qualifications() -> None:
    op.create_table(
        "qualifications",
        _column("number", NUMBER, primary_key=True),
        *(_column(name, sa.String()) for name in ("line", "fingerprint", "policy", "basis", "author")),
        _column("version", sa.Integer()),
        _column("passed", sa.Boolean()),
        *(_column(name, sa.JSON()) for name in ("figures", "missing", "reason")),
        _column("at", TIME),
    )
    op.create_index("ix_qualifications_line", "qualifications", ["line"])


def _key(table: str) -> tuple[Any, ...]:
    part = sa.ForeignKey("challenge_parts.number", name=f"fk_{table}_part")
    return (
        sa.Column("part", NUMBER, part, primary_key=True, nullable=False),
        _column("fingerprint", sa.String(), primary_key=True),
    )


def _column(name: str, kind: Any, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, **options)
