"""How each version of a line came about: the version that it was made from, why, and what made it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("pipeline_versions", sa.Column("parent", sa.Integer()))
    op.add_column("pipeline_versions", sa.Column("reason", sa.JSON(), nullable=False, server_default='""'))
    op.add_column("pipeline_versions", sa.Column("origin", sa.String(), nullable=False, server_default="file"))
    op.execute("UPDATE pipeline_versions SET parent = version - 1 WHERE version > 1")
