"""Stored parts that people name by result_id: their pictures, as golden samples and challenge parts."""

from __future__ import annotations

from typing import Protocol

from inspector.domain.part import PartRecord
from inspector.domain.truth import Truth, TruthState
from inspector.errors import InspectorError
from inspector.ports.archive import PartRow
from inspector.ports.evidence import EvidenceStore


class PartArchive(Protocol):
    """Stored parts and what people say about them. Synchronous. Raises LedgerError."""

    def part(self, result_id: str) -> PartRow | None: ...

    def truth(self, result_id: str) -> Truth | None:
        """Return the truth about a part; None where nobody has reviewed it."""


def stored_part(archive: PartArchive, line: str, result_id: str) -> PartRecord:
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


def label_of(archive: PartArchive, result_id: str) -> bool:
    """Return whether the part is NG. Raises InspectorError for a part without a truth."""
    truth = archive.truth(result_id)
    if truth is not None and truth.state is TruthState.DISPUTED:
        raise InspectorError(f"the reviewers of part {result_id} differ, so it has no label; adjudicate it first")
    if truth is None or truth.is_ng is None:
        raise InspectorError(f"part {result_id} is not reviewed, so it has no label; run: inspector review")
    return truth.is_ng


def good_picture(archive: PartArchive, evidence: EvidenceStore, line: str, result_id: str) -> bytes:
    """Return the picture of a part that nobody called NG. Raises InspectorError for another one."""
    part = stored_part(archive, line, result_id)
    truth = archive.truth(result_id)
    if truth is not None and truth.state is TruthState.DISPUTED:
        raise InspectorError(f"the reviewers of part {result_id} differ; adjudicate it, or choose another part")
    if truth is not None and truth.is_ng:
        raise InspectorError(f"part {result_id} was reviewed as NG; a golden sample shows a good part")
    return picture_of(evidence, part)
