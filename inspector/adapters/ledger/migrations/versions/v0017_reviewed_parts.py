"""An index of reviewed parts by time, for statistics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    reviewed = sa.text("reviewed_at IS NOT NULL")
    op.create_index("ix_parts_reviewed", "parts", ["decided_at"], sqlite_where=reviewed, postgresql_where=reviewed)
