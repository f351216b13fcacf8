"""The golden sample that each part's frame is compared with: its name as sent, and its picture."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("parts", sa.Column("template", sa.String()))
    op.add_column("parts", sa.Column("template_sha256", sa.String(), nullable=False, server_default=""))
