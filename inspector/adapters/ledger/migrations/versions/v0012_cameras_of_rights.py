"""The cameras that a right to pass covers. Earlier rights cover the cameras that their line names now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pydantic import ValidationError

from inspector.adapters.ledger.declarations import pipeline_of
from inspector.domain.cameras import ANY_CAMERA

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("pass_rights", sa.Column("cameras", sa.JSON(), nullable=False, server_default="[]"))
    connection, known = op.get_bind(), sa.MetaData()
    known.reflect(connection, only=["pass_rights", "pipeline_versions"])
    versions, rights = known.tables["pipeline_versions"], known.tables["pass_rights"]
    rows = connection.execute(sa.select(versions).order_by(versions.c.version)).mappings().all()
    for row in {row["line"]: row for row in rows}.values():
        covered = rights.update().where(rights.c.line == row["line"])
        connection.execute(covered.values(cameras=_cameras(row)))


def _cameras(row: sa.RowMapping) -> list[str]:
    try:
        return list(pipeline_of(row["declaration"]).cameras)
    except ValidationError:
        return [ANY_CAMERA]
