"""Stores the last pictures of undeclared cameras: a fixed number of files for each, written over in turn.

They never become evidence of a part, so no retention is needed: the number of files is the bound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, insert, select

from inspector.adapters.ledger.database import ledger_errors, open_engine
from inspector.adapters.ledger.evidence import FileEvidence
from inspector.adapters.ledger.tables import unknown_cameras
from inspector.errors import LedgerError
from inspector.ports.unknown_cameras import StoredUnknownPicture, UnknownPicture

PICTURES_PER_CAMERA: Final = 8
MAX_UNKNOWN_CAMERAS: Final = 16  # of the installation; names come from outside without limit
FORGOTTEN_AFTER: Final = timedelta(days=1)  # a new camera takes the place of one that was not seen for so long


class SqlUnknownCameras:
    """`ports.UnknownPictureStore` for one database and one evidence store."""

    def __init__(self, url: str, evidence: FileEvidence) -> None:
        self._url = url
        self._evidence = evidence

    def keep(self, pictures: Sequence[UnknownPicture]) -> None:
        engine = open_engine(self._url, writes=True)
        try:
            with ledger_errors("pictures of unknown cameras can't be stored"):
                for picture in pictures:
                    self._keep(engine, picture)
        finally:
            engine.dispose()

    def pictures(self) -> list[StoredUnknownPicture]:
        """List all stored pictures by line and camera, newest first."""
        engine = open_engine(self._url, writes=False)
        every = unknown_cameras.c
        try:
            with ledger_errors("pictures of unknown cameras can't be read"), engine.connect() as connection:
                rows = connection.execute(
                    select(unknown_cameras).order_by(every.line, every.camera, every.received_at.desc())
                )
                return [StoredUnknownPicture(**row) for row in rows.mappings()]
        finally:
            engine.dispose()

    def read(self, stored: StoredUnknownPicture) -> bytes:
        """Return the bytes of a stored picture. Raises LedgerError where they were written over meanwhile."""
        data = self._evidence.get_slot(_name(stored.line, stored.camera, stored.slot))
        if hashlib.sha256(data).hexdigest() != stored.sha256:
            camera = f"{stored.line}/{stored.camera}"
            raise LedgerError(f"a newer picture of {camera} took this one's place; list them again")
        return data

    def _keep(self, engine: Engine, picture: UnknownPicture) -> None:
        """Write the file outside of transactions: parts of other cameras do not wait for it."""
        row = {"line": picture.line, "camera": picture.camera}
        with engine.begin() as connection:
            slot = _free_slot(connection, picture)
        if slot is None:
            return
        self._evidence.put_slot(_name(picture.line, picture.camera, slot), picture.data)
        content = {"sha256": hashlib.sha256(picture.data).hexdigest(), "size_bytes": len(picture.data)}
        with engine.begin() as connection:
            _forget(connection, unknown_cameras.c.slot == slot, **row)
            values = row | content | {"slot": slot, "received_at": picture.received_at}
            connection.execute(insert(unknown_cameras), values)


def _free_slot(connection: Connection, picture: UnknownPicture) -> int | None:
    """Return the next slot of this camera; None where too many other cameras have pictures."""
    every = unknown_cameras.c
    own = select(every.slot).where(every.line == picture.line, every.camera == picture.camera)
    used = connection.scalars(own.order_by(every.received_at, every.slot)).all()
    if used:
        return used[0] if len(used) >= PICTURES_PER_CAMERA else len(used)
    newest = func.max(every.received_at).label("newest")
    cameras = select(every.line, every.camera, newest).group_by(every.line, every.camera).order_by(newest)
    rows = connection.execute(cameras).all()
    if len(rows) < MAX_UNKNOWN_CAMERAS:
        return 0
    if rows[0].newest > picture.received_at - FORGOTTEN_AFTER:
        return None
    _forget(connection, line=rows[0].line, camera=rows[0].camera)
    return 0


def _forget(connection: Connection, *conditions: Any, line: str, camera: str) -> None:
    every = unknown_cameras.c
    connection.execute(delete(unknown_cameras).where(every.line == line, every.camera == camera, *conditions))


def _name(line: str, camera: str, slot: int) -> str:
    return f"{hashlib.sha256(f'{line}/{camera}'.encode()).hexdigest()[:32]}-{slot}"
