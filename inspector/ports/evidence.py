"""Port of `adapters/ledger`: pictures by the sha256 of their bytes."""

from __future__ import annotations

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
