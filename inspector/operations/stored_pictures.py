"""Stored parts that people name by result_id, and their pictures."""

from __future__ import annotations

from inspector.adapters.ledger import SqlArchive
from inspector.domain.part import PartRecord
from inspector.errors import InspectorError
from inspector.ports.evidence import EvidenceStore


def stored_part(archive: SqlArchive, line: str, result_id: str) -> PartRecord:
    """Return a part of this line. Raises InspectorError where the line has no such part."""
    row = archive.part(result_id)
    if row is None or row.part.key.line != line:
        raise InspectorError(f"{line} has no part {result_id}; see result_id in its report or the console")
    return row.part


def picture_of(evidence: EvidenceStore, part: PartRecord) -> bytes:
    """Return the part's picture. Raises InspectorError where it is not stored any more."""
    try:
        return evidence.get(part.evidence.sha256 if part.evidence else "")
    except KeyError as error:
        raise InspectorError(f"the picture of part {part.result_id} is not stored any more; choose another") from error
