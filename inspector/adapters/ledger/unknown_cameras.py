"""Stores the last pictures of undeclared cameras: a fixed number of files for each, written over in turn.

They never become evidence of a part, so no retention is needed: the number of files is the bound. Pictures that
somebody works with are pinned for a while: newer ones take other files meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from inspector.adapters.ledger.database import ledger_errors, open_engine
from inspector.adapters.ledger.evidence import FileEvidence
from inspector.adapters.ledger.tables import unknown_cameras
from inspector.errors import LedgerError
from inspector.ports.unknown_cameras import StoredUnknownPicture, UnknownPicture

PICTURES_PER_CAMERA: Final = 8  # besides pinned ones
PINNED_PER_CAMERA: Final = 16  # two people may look at all pictures of a camera at different times
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

    def pin(self, pictures: Sequence[StoredUnknownPicture], until: datetime) -> None:
        """Keep these pictures of one camera until then. Of too many pinned ones, those that end first are released."""
        engine = open_engine(self._url, writes=True)
        try:
            with ledger_errors("pictures of unknown cameras can't be pinned"), engine.begin() as connection:
                for each in pictures:
                    _set_pin(connection, each, until)
                for each in _pinned_beyond(connection, pictures):
                    _set_pin(connection, each, None)
        finally:
            engine.dispose()

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
    used = _pictures_of(connection, picture.line, picture.camera)
    if used:
        return _slot_among(connection, used, picture)
    every = unknown_cameras.c
    newest = func.max(every.received_at).label("newest")
    pinned = func.max(every.pinned_until).label("pinned")
    cameras = select(every.line, every.camera, newest, pinned).group_by(every.line, every.camera).order_by(newest)
    rows = connection.execute(cameras).all()
    if len(rows) < MAX_UNKNOWN_CAMERAS:
        return 0
    oldest = next((row for row in rows if not (row.pinned and row.pinned > picture.received_at)), None)
    if oldest is None or oldest.newest > picture.received_at - FORGOTTEN_AFTER:
        return None
    _forget(connection, line=oldest.line, camera=oldest.camera)
    return 0


def _slot_among(connection: Connection, used: Sequence[Row[Any]], picture: UnknownPicture) -> int:
    """Return the slot of the oldest picture that is not pinned, or a free one. Ended pins leave too many: they go."""
    loose = [each.slot for each in used if not (each.pinned_until and each.pinned_until > picture.received_at)]
    if len(loose) < PICTURES_PER_CAMERA:
        return min(set(range(len(used) + 1)) - {each.slot for each in used})
    surplus = loose[: len(loose) - PICTURES_PER_CAMERA]
    _forget(connection, unknown_cameras.c.slot.in_(surplus), line=picture.line, camera=picture.camera)
    return int(loose[len(surplus)])


def _pictures_of(connection: Connection, line: str, camera: str) -> Sequence[Row[Any]]:
    """Return the stored pictures of a camera, oldest first."""
    every = unknown_cameras.c
    own = select(unknown_cameras).where(every.line == line, every.camera == camera)
    return connection.execute(own.order_by(every.received_at, every.slot)).all()


def _pinned_beyond(connection: Connection, pictures: Sequence[StoredUnknownPicture]) -> list[StoredUnknownPicture]:
    """Return the pinned pictures of this camera that are too many, those that end first."""
    rows = [each for line, camera in {each[:2] for each in pictures} for each in _pictures_of(connection, line, camera)]
    pinned = sorted((each for each in rows if each.pinned_until), key=lambda each: each.pinned_until)
    return [StoredUnknownPicture(**each._mapping) for each in pinned[: max(0, len(pinned) - PINNED_PER_CAMERA)]]


def _set_pin(connection: Connection, stored: StoredUnknownPicture, until: datetime | None) -> None:
    every = unknown_cameras.c
    same = (every.line == stored.line, every.camera == stored.camera, every.slot == stored.slot)
    pinned = update(unknown_cameras).where(*same, every.sha256 == stored.sha256)
    connection.execute(pinned.values(pinned_until=until))


def _forget(connection: Connection, *conditions: Any, line: str, camera: str) -> None:
    every = unknown_cameras.c
    connection.execute(delete(unknown_cameras).where(every.line == line, every.camera == camera, *conditions))


def _name(line: str, camera: str, slot: int) -> str:
    return f"{hashlib.sha256(f'{line}/{camera}'.encode()).hexdigest()[:32]}-{slot}"
