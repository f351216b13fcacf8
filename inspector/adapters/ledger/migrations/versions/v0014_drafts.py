"""Drafts of lines, and what they would have decided on the votes of the live version."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "drafts",
        _column("draft_id", sa.String(), primary_key=True),
        _column("line", sa.String()),
        _column("base", sa.Integer()),
        _column("after", NUMBER),
        _column("declaration", sa.JSON()),
        _column("golden", sa.JSON()),
        _column("author", sa.String()),
        _column("reason", sa.JSON()),
        _column("source", sa.String()),
        _column("at", TIME),
        _column("ended_at", TIME, nullable=True),
    )
    op.create_index("ix_drafts_line", "drafts", ["line"])
    op.create_table(
        "shadow_results",
        _column("draft", sa.String(), sa.ForeignKey("drafts.draft_id", name="fk_shadow_results_draft_drafts")),
        _column("part", NUMBER, sa.ForeignKey("parts.number", name="fk_shadow_results_part_parts")),
        _column("live", sa.String()),
        _column("drafted", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("draft", "part", name="pk_shadow_results"),
    )


def _column(name: str, kind: Any, *constraints: Any, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, *constraints, nullable=nullable, **options)
