"""Reviews of parts, and shadow votes of whole ladders."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _reviews()
    _shadow_votes()


def _reviews() -> None:
    op.create_table(
        "reviews",
        _column("number", NUMBER, primary_key=True),
        _part(),
        _column("is_ng", sa.Boolean()),
        _column("reviewer", sa.String()),
        _column("at", sa.DateTime(timezone=True)),
        _column("note", sa.JSON()),
    )
    op.create_index("ix_reviews_part", "reviews", ["part"])


def _shadow_votes() -> None:
    op.create_table(
        "shadow_votes",
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


def _column(name: str, kind: Any, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, **options)


def _part(*, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column("part", NUMBER, sa.ForeignKey("parts.number"), nullable=False, primary_key=primary_key)
