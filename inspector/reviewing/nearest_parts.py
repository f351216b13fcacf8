"""The reviewed parts that look most like a part: what people said about its like.

Parts are compared by small grey pictures, next to each other in memory: no model is asked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.domain.part import PartRecord
from inspector.domain.part_history import PartHistory
from inspector.domain.pipeline import Pipeline
from inspector.errors import LedgerError, PictureError
from inspector.numerics.nearest_vectors import nearest
from inspector.numerics.small_grey import small_grey
from inspector.ports.archive import PartRow
from inspector.ports.backbone import ReadGrey
from inspector.ports.engine import Picture
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PipelineVersion

COMPARED_PARTS: Final = 500  # newest reviewed parts of the line that a part is compared with
REMEMBERED_PICTURES: Final = 10_000  # small pictures in memory, the latest used; 1 KB each
Vector = NDArray[Any]


class ReviewedPartArchive(Protocol):
    """What is read of the ledger. Synchronous. Raises LedgerError."""

    def part(self, result_id: str) -> PartRow | None: ...

    def reviewed(self, line: str, newest: int) -> Sequence[PartHistory]:
        """Return the newest reviewed parts of this line under any fingerprint, oldest first."""

    def list_pipelines(self) -> Sequence[PipelineVersion]: ...


class NearestPart(NamedTuple):
    """A reviewed part, what it is, and its likeness: 1 for the same picture, 0 for one that has nothing in common."""

    part: PartRecord
    is_ng: bool
    likeness: float


class NearestParts:
    """Finds the reviewed parts of the same line and camera region that look most like a part. Blocking."""

    def __init__(self, archive: ReviewedPartArchive, evidence: EvidenceStore, grey_pixels: ReadGrey) -> None:
        self.archive = archive
        self._evidence = evidence
        self._grey_pixels = grey_pixels
        self._known: OrderedDict[tuple[str, str, str], Vector | None] = OrderedDict()

    def of(self, result_id: str, count: int) -> tuple[NearestPart, ...]:
        """Return the nearest first; none for a part that is unknown or whose picture can't be read any more."""
        row = self.archive.part(result_id)
        pipeline = row and self._pipeline(row.part.key.line)
        shown = self._look(row.part, pipeline) if row and pipeline else None
        if row is None or pipeline is None or shown is None:
            return ()
        others = [
            (each, look)
            for each in self.archive.reviewed(row.part.key.line, COMPARED_PARTS)
            if each.is_ng is not None and each.part.result_id != result_id
            if (look := self._look(each.part, pipeline)) is not None
        ]
        found = nearest(shown, np.stack([look for _, look in others]), count) if others else []
        return tuple(NearestPart(others[at][0].part, others[at][0].is_ng is True, likeness) for at, likeness in found)

    def _pipeline(self, line: str) -> Pipeline | None:
        return next((each.pipeline for each in self.archive.list_pipelines() if each.pipeline.line == line), None)

    def _look(self, part: PartRecord, pipeline: Pipeline) -> Vector | None:
        """Return the part's small picture; None where there is no readable picture."""
        if part.evidence is None:
            return None
        key = part.evidence.sha256, part.key.line, part.key.camera
        if key not in self._known:
            self._known[key] = self._read(part.evidence.sha256, part, pipeline)
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED_PICTURES:
            self._known.popitem(last=False)
        return self._known[key]

    def _read(self, sha256: str, part: PartRecord, pipeline: Pipeline) -> Vector | None:
        try:
            data = self._evidence.get(sha256)
            region = pipeline.region(part.key.camera)
            pixels = self._grey_pixels(Picture(data, bit_depth=pipeline.picture.bit_depth, region=region))
        except (KeyError, LedgerError, PictureError):
            return None
        return small_grey(pixels).ravel()
