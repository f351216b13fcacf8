"""The identity of each part: the hash of what was received, and what its line tells triggers apart by.

Resent frames and stored copies are counted for each camera.
"""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

NEW_COLUMNS = ("received_sha256", "unique_by", "identity")
SQLITE_DIGEST = "inspector_digest('' || char(10) || received_sha256 || char(10) || coalesce(part_id, ''))"
SERVER_DIGEST = (
    "left(encode(sha256(convert_to('' || chr(10) || received_sha256 || chr(10) || coalesce(part_id, ''), 'UTF8')),"
    " 'hex'), 32)"
)


def upgrade() -> None:
    for name in NEW_COLUMNS:
        op.add_column("parts", sa.Column(name, sa.String()))
    _fill()
    _require()
    for name in ("resent", "retained"):
        op.add_column("cameras", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))


def _fill() -> None:
    """Identify older parts by their stored picture: it holds the bytes as received."""
    connection = op.get_bind()
    op.execute("UPDATE parts SET unique_by = '', received_sha256 = coalesce(evidence, '')")
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.create_function("inspector_digest", 1, _digest, deterministic=True)
        op.execute(f"UPDATE parts SET identity = {SQLITE_DIGEST}")
    else:
        op.execute(f"UPDATE parts SET identity = {SERVER_DIGEST}")


def _digest(written: str) -> str:
    return hashlib.sha256(written.encode(errors="backslashreplace")).hexdigest()[:32]


def _require() -> None:
    """Replace the unique key. SQLite copies the table for it; its row counter goes on where it was."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    last = "SELECT seq FROM sqlite_sequence WHERE name = 'parts'"
    counter = op.get_bind().scalar(sa.text(last)) if is_sqlite else None
    with op.batch_alter_table("parts", table_kwargs={"sqlite_autoincrement": True}) as parts:
        for name in NEW_COLUMNS:
            parts.alter_column(name, existing_type=sa.String(), nullable=False)
        parts.drop_constraint("uq_parts_line_camera_trigger_id", type_="unique")
        parts.create_unique_constraint(
            "uq_parts_line_camera_trigger_id_identity", ["line", "camera", "trigger_id", "identity"]
        )
    if counter is not None:
        op.execute(f"UPDATE sqlite_sequence SET seq = {int(counter)} WHERE name = 'parts'")
        op.execute(
            f"INSERT INTO sqlite_sequence (name, seq) SELECT 'parts', {int(counter)} "
            "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'parts')"
        )
