"""Port of `adapters/ledger`: pictures by the sha256 of their bytes."""

from __future__ import annotations

from typing import Protocol

from inspector.domain.part import Evidence


class EvidenceStore(Protocol):
    """Pictures by the sha256 of their bytes. Written before the row that names them. Raises LedgerError."""

    def put(self, data: bytes, media_type: str) -> Evidence:
        """Stores the bytes once; durable when it returns. Called in a worker thread."""

    def get(self, sha256: str) -> bytes:
        """Raises KeyError for an unknown hash."""

    def remove(self, sha256: str) -> None:
        """Removes a picture, unless it was put within the last day: someone may be about to name it. Removing what
        is not there is allowed."""
