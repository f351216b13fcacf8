"""Drafts that change scores, and the versions that drafts became."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("drafts", sa.Column("rescores", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("drafts", sa.Column("version", sa.Integer()))
    op.add_column("drafts", sa.Column("promotion_key", sa.String()))
