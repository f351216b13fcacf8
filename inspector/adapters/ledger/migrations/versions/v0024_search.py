"""What searches of parts start at, and who took note of events."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PARTIAL = {
    "ix_parts_part_id": (["part_id", "number"], "part_id IS NOT NULL"),
    "ix_parts_lot": (["lot", "disposition", "number"], "lot IS NOT NULL"),
    "ix_parts_p_ng": (["p_ng", "line", "number"], "p_ng IS NOT NULL"),
}
ROWS_PER_INSERT = 5_000


def upgrade() -> None:
    op.add_column("events", sa.Column("acknowledged_by", sa.String()))
    op.add_column("events", sa.Column("acknowledged_at", sa.DateTime(timezone=True)))
    op.create_index("ix_events_line_number", "events", ["line", "number"])
    _partial_index("ix_events_open", "events", ["number"], "acknowledged_at IS NULL")
    op.drop_index("ix_parts_decided_at", "parts")
    op.create_index("ix_parts_decided_at_number", "parts", ["decided_at", "number"])
    op.create_index("ix_parts_trigger_id_number", "parts", ["trigger_id", "number"])
    for name, (columns, where) in PARTIAL.items():
        _partial_index(name, "parts", columns, where)
    op.create_table(
        "part_defects",
        sa.Column("defect", sa.String(), nullable=False),
        sa.Column("part", NUMBER, sa.ForeignKey("parts.number", name="fk_part_defects_part_parts"), nullable=False),
        sa.PrimaryKeyConstraint("defect", "part", name="pk_part_defects"),
        sqlite_with_rowid=False,
    )
    _fill_defects()


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _fill_defects() -> None:
    """Store the classes that the reports until now name."""
    connection = op.get_bind()
    named = sa.table("part_defects", sa.column("defect"), sa.column("part"))
    reports = connection.execute(sa.text("SELECT part, findings FROM reports"))
    for page in reports.partitions(ROWS_PER_INSERT):
        rows = [
            {"defect": defect, "part": part}
            for part, findings in page
            for defect in dict.fromkeys(finding["defect"] for finding in _parsed(findings))
        ]
        if rows:
            connection.execute(sa.insert(named), rows)


def _parsed(findings: object) -> list[dict[str, str]]:
    parsed: list[dict[str, str]] = json.loads(findings) if isinstance(findings, str) else findings  # type: ignore[assignment]
    return parsed
