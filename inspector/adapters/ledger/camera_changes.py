"""Stores changes of cameras: a version of the line, its rights to pass, and the camera's state, in one transaction."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from inspector.adapters.ledger.audit import append_audit
from inspector.adapters.ledger.camera_rights import CoverChange, change_cover
from inspector.adapters.ledger.camera_states import paused_cameras
from inspector.adapters.ledger.database import ledger_errors, open_engine
from inspector.adapters.ledger.tables import camera_states, challenge_parts, pipeline_versions
from inspector.adapters.ledger.version_lock import wait_for_others
from inspector.adapters.ledger.versions import store_declared
from inspector.domain.cameras import ANY_CAMERA
from inspector.errors import ConflictError
from inspector.ports.access import AuditEntry
from inspector.ports.cameras import CameraChange


class SqlCameraChangeStore:
    """`ports.CameraChangeStore` for one database."""

    def __init__(self, url: str) -> None:
        self._url = url

    def change_camera(self, change: CameraChange) -> None:
        engine = open_engine(self._url, writes=True)
        try:
            with ledger_errors("the camera can't be changed"), engine.begin() as connection:
                _store(connection, change)
        finally:
            engine.dispose()


def _store(connection: Connection, change: CameraChange) -> None:
    wait_for_others(connection)
    if change.version is None:
        _require_accepted(connection, change)
    new = store_declared(connection, [change.version]) if change.version else []
    change_cover(connection, change.line, CoverChange(change.unproved, change.others, change.renamed), change.at)
    for camera, successor in change.successors.items():
        taken = (challenge_parts.c.line == change.line, challenge_parts.c.camera == camera)
        connection.execute(update(challenge_parts).where(*taken).values(camera=successor))
    if change.paused is not None or change.renamed:
        _change_states(connection, change)
    detail = {"reason": change.reason, "version": new[0].version if new else None, "renamed": dict(change.renamed)}
    subject = f"{change.line}/{change.camera}"
    append_audit(
        connection, AuditEntry(change.author, f"camera.{change.action}", subject, detail, change.at, change.line)
    )


def _require_accepted(connection: Connection, change: CameraChange) -> None:
    """Refuse to pause or replace a camera that was renamed or retired meanwhile: nobody would notice."""
    declaration = pipeline_versions.c.declaration
    of_line = select(declaration).where(pipeline_versions.c.line == change.line)
    declared = connection.scalar(of_line.order_by(pipeline_versions.c.version.desc()).limit(1)) or {}
    if not {change.camera, ANY_CAMERA} & set(declared.get("cameras", [ANY_CAMERA])):
        raise ConflictError(f"{change.line} does not declare {change.camera} any more; look at its cameras and repeat")


def _change_states(connection: Connection, change: CameraChange) -> None:
    """Store the camera's state. A renamed camera takes its pause along."""
    given = {"line": change.line, "reason": change.reason, "author": change.author, "at": change.at}
    if change.paused is not None:
        connection.execute(insert(camera_states), given | {"camera": change.camera, "is_paused": change.paused})
    paused = paused_cameras(connection).get(change.line, frozenset())
    for old, new in change.renamed.items():
        if old in paused:
            rows = [{"camera": old, "is_paused": False}, {"camera": new, "is_paused": True}]
            connection.execute(insert(camera_states), [given | row for row in rows])
