"""The W3C trace context of each part's frame."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("parts", sa.Column("traceparent", sa.String()))
