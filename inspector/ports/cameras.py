"""Port of `adapters/ledger`: changes of a line's cameras, and what is known about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, Protocol

from inspector.ports.camera_minutes import CameraMinute
from inspector.ports.ledger import CameraRow
from inspector.ports.lines import DeclaredVersion
from inspector.ports.unknown_cameras import StoredUnknownPicture


class CameraAction(StrEnum):
    """What people do with a camera."""

    CONNECT = "connect"
    RENAME = "rename"
    REPLACE = "replace"
    RETIRE = "retire"
    PAUSE = "pause"
    RESUME = "resume"


class CameraChange(NamedTuple):
    """A change of one camera of a line, to be stored whole or not at all.

    `version` is the new version of the line, None where its declaration stays. The line's rights to pass then cover
    `renamed[camera]` in place of each camera named there, and no camera of `unproved`. `paused` is the camera's state
    from now on, None where it stays. Challenge parts of a camera become those of `successors[camera]`, which stands in
    its place. `others` are the named cameras of the line that the change is not about.
    """

    action: CameraAction
    line: str
    camera: str
    author: str
    reason: str
    at: datetime
    version: DeclaredVersion | None = None
    renamed: Mapping[str, str] = MappingProxyType({})
    unproved: Sequence[str] = ()
    paused: bool | None = None
    others: Sequence[str] = ()
    successors: Mapping[str, str] = MappingProxyType({})


class CameraChangeStore(Protocol):
    """Stores changes of cameras. Synchronous."""

    def change_camera(self, change: CameraChange) -> None:
        """Store version, rights, state and audit entry in one transaction.

        Raises ConflictError where the line's live version is not the new one's parent, and LedgerError.
        """


class CameraArchive(Protocol):
    """What is known about cameras. Synchronous. Raises LedgerError."""

    def list_cameras(self) -> list[CameraRow]:
        """List the cameras that ever sent something."""

    def camera_minutes(self, line: str, camera: str, since: datetime, until: datetime) -> list[CameraMinute]:
        """List the minutes of a camera, oldest first."""


class UnknownPictureArchive(Protocol):
    """The kept pictures of undeclared cameras. Synchronous. Raises LedgerError."""

    def pictures(self) -> list[StoredUnknownPicture]:
        """List all kept pictures by line and camera, newest first."""

    def read(self, stored: StoredUnknownPicture) -> bytes:
        """Return the bytes of a kept picture."""

    def pin(self, pictures: Sequence[StoredUnknownPicture], until: datetime) -> None:
        """Keep these pictures of one camera until then. Of too many pinned ones, those that end first are released."""
