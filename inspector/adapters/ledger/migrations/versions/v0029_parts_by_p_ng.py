"""Lists of parts by p(NG) start at an end of the range of one disposition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

IS_SCORED = sa.text("p_ng IS NOT NULL")
COLUMNS = ["disposition", "p_ng", "number", "line"]


def upgrade() -> None:
    op.drop_index("ix_parts_p_ng", "parts")
    op.create_index("ix_parts_p_ng", "parts", COLUMNS, sqlite_where=IS_SCORED, postgresql_where=IS_SCORED)
