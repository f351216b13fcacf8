"""Port of `adapters/ledger`: the last pictures of cameras that no line declares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class UnknownPicture(NamedTuple):
    """A picture from a camera that no line declares."""

    line: str
    camera: str
    data: bytes
    received_at: datetime


class StoredUnknownPicture(NamedTuple):
    """A stored picture of an undeclared camera. `slot` is its place among the camera's pictures.

    Until `pinned_until` no newer picture takes its place.
    """

    line: str
    camera: str
    slot: int
    sha256: str
    size_bytes: int
    received_at: datetime
    pinned_until: datetime | None = None


class UnknownPictureStore(Protocol):
    """The last pictures of a bounded number of undeclared cameras. Synchronous. Raises LedgerError."""

    def keep(self, pictures: Sequence[UnknownPicture]) -> None:
        """Store pictures, oldest first, each in place of its camera's oldest one where that has enough."""
