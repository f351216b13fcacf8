"""The pictures of reviewed parts that a line remembers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "remembered_pictures",
        sa.Column("memory", sa.String(), primary_key=True),
        sa.Column("sha256", sa.String(), primary_key=True),
        sqlite_with_rowid=False,
    )
