"""Port of `adapters/ledger`: pictures by the sha256 of their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from inspector.domain.part import Evidence


class EvidenceStore(Protocol):
    """Pictures by the sha256 of their bytes. A picture is stored before the row that refers to it. Raises
    LedgerError."""

    def put(self, data: bytes, media_type: str) -> Evidence:
        """Store the bytes once; they are durable on return. Called in a worker thread."""

    def get(self, sha256: str) -> bytes:
        """Return the bytes. Raises KeyError for an unknown hash."""

    def remove(self, sha256: str) -> None:
        """Remove a picture, unless it was stored within the last day: a row may be about to refer to it.

        Removing a missing picture is allowed.
        """


@dataclass(frozen=True, slots=True)
class SpoolState:
    """Pictures that wait on this machine for their store. `fault` says why the store took none; "" while it does.

    `is_full` says that a further picture was refused.
    """

    pictures: int = 0
    size_bytes: int = 0
    fault: str = ""
    is_full: bool = False


class EvidenceSpool(Protocol):
    """Pictures on this machine that the store could not take."""

    def catch_up(self) -> SpoolState:
        """Store some of the waiting pictures, and return what is left. Raises nothing; called in a worker thread."""
