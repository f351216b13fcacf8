"""The model's probability that each vote is right, where it was asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in ("votes", "shadow_votes"):
        op.add_column(table, sa.Column("p_true", sa.Double()))
