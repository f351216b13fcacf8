"""Finds the reviewed parts that the view similar shows before a frame, in the memory that its line's version names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from inspector.errors import InspectorError, ModelError
from inspector.numerics.small_grey import small_grey
from inspector.ports.backbone import ReadGrey
from inspector.ports.engine import Picture
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job
from inspector.teaching.part_memory import PartMemory, SimilarParts, read_part_memory

REMEMBERED_MEMORIES: Final = 16  # in this process, the latest used; up to 12 MB each
FindSimilar = Callable[[Picture, Job], SimilarParts | None]  # None: the line has nothing to show; blocking


def no_similar_parts(_frame: Picture, _job: Job) -> SimilarParts | None:
    """Find nothing: this process reads no pictures."""
    return None


class RememberedSimilarParts:
    """Finds similar parts by small grey pictures. Thread-safe: threads may repeat each other."""

    def __init__(self, evidence: EvidenceStore, grey_pixels: ReadGrey) -> None:
        self._evidence = evidence
        self._grey_pixels = grey_pixels
        self._known: OrderedDict[str, PartMemory] = OrderedDict()

    def __call__(self, frame: Picture, job: Job) -> SimilarParts | None:
        """Return the nearest OK and NG parts. Raises ModelError where the memory is missing or damaged."""
        sha256 = job.pipeline.similar_parts
        if sha256 is None:
            return None
        memory = self._known.get(sha256) or self._read(sha256)
        self._known[sha256] = memory
        self._known.move_to_end(sha256)
        while len(self._known) > REMEMBERED_MEMORIES:
            self._known.popitem(last=False)
        return memory.similar(small_grey(self._grey_pixels(frame)).ravel(), job.region)

    def _read(self, sha256: str) -> PartMemory:
        try:
            return read_part_memory(self._evidence.get(sha256))
        except KeyError as error:
            raise ModelError(f"memory {sha256[:12]}… is not in the evidence store; run: inspector remember") from error
        except InspectorError as error:
            raise ModelError(str(error)) from error
