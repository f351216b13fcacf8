"""An index of the parts of one line and fingerprint, to replay other settings on them."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"

COLUMNS = ["line", "fingerprint", "number", "would_be_disposition"]


def upgrade() -> None:
    op.create_index("ix_parts_line_fingerprint_number_would_be_disposition", "parts", COLUMNS)
