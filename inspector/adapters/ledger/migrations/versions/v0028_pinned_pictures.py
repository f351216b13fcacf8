"""Pictures of undeclared cameras that somebody works with stay for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("unknown_cameras", sa.Column("pinned_until", sa.DateTime(timezone=True)))
