"""Changes of cameras and pictures of unknown ones, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from inspector.ports.cameras import CameraChange
from inspector.ports.unknown_cameras import StoredUnknownPicture, UnknownPicture


@dataclass
class MemoryCameraChanges:
    """`ports.CameraChangeStore` that only remembers."""

    changes: list[CameraChange] = field(default_factory=list)

    def change_camera(self, change: CameraChange) -> None:
        self.changes.append(change)


@dataclass
class MemoryUnknownPictures:
    """`ports.UnknownPictureArchive` in a list, newest first."""

    kept: list[UnknownPicture] = field(default_factory=list)
    pins: dict[str, datetime] = field(default_factory=dict)

    def pictures(self) -> list[StoredUnknownPicture]:
        return [
            StoredUnknownPicture(
                each.line, each.camera, slot, hashlib.sha256(each.data).hexdigest(), len(each.data), each.received_at
            )
            for slot, each in enumerate(self.kept)
        ]

    def pin(self, pictures: Sequence[StoredUnknownPicture], until: datetime) -> None:
        self.pins |= {each.sha256: until for each in pictures}

    def read(self, stored: StoredUnknownPicture) -> bytes:
        return self.kept[stored.slot].data
