"""The probability that the model gave to NG and OK together, per vote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for table in ("votes", "shadow_votes"):
        op.add_column(table, sa.Column("readable", sa.Double()))
