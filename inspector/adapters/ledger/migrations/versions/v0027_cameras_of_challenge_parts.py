"""The camera that took each challenge part, the cameras that each qualification is about, and what a right covers.

Earlier challenge parts are of the only camera that their line names, where that one has no region: they were judged
whole.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pydantic import ValidationError

from inspector.adapters.ledger.declarations import pipeline_of
from inspector.domain.cameras import ANY_CAMERA

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("challenge_parts", sa.Column("camera", sa.String(), nullable=False, server_default=""))
    op.add_column("qualifications", sa.Column("cameras", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("qualifications", sa.Column("region", sa.JSON(none_as_null=True)))
    op.add_column("pass_rights", sa.Column("scoring", sa.String(), nullable=False, server_default=""))
    connection, known = op.get_bind(), sa.MetaData()
    known.reflect(connection, only=["challenge_parts", "pipeline_versions"])
    versions, parts = known.tables["pipeline_versions"], known.tables["challenge_parts"]
    rows = connection.execute(sa.select(versions).order_by(versions.c.version)).mappings().all()
    for row in {row["line"]: row for row in rows}.values():
        if camera := _only_camera(row):
            connection.execute(parts.update().where(parts.c.line == row["line"]).values(camera=camera))


def _only_camera(row: sa.RowMapping) -> str:
    """Return the name of the line's only camera; empty where it has several, takes any, or shows a region."""
    try:
        cameras = pipeline_of(row["declaration"]).cameras
    except ValidationError:
        return ""
    [name, *others] = cameras
    return "" if others or name == ANY_CAMERA or cameras[name].region else name
