"""Remember a line's reviewed parts: the memory that its view similar shows parts of, as a new version of the line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import DeclaredVersion, FileEvidence, store_remembering
from inspector.domain.line_version import VersionOrigin
from inspector.domain.part_history import PartHistory
from inspector.domain.pipeline import Pipeline
from inspector.errors import InspectorError, LedgerError, PictureError
from inspector.numerics.small_grey import small_grey
from inspector.operations.line_states import user_name
from inspector.operations.progress import ReportProgress, no_progress
from inspector.operations.taught_parts import dated, picture_of, read_knowledge
from inspector.ports.engine import Picture
from inspector.teaching.newest_fifth import group_parts
from inspector.teaching.part_memory import (
    MAX_PARTS,
    MEDIA_TYPE,
    CurvePoint,
    PartMemory,
    RememberedPart,
    error_curve,
)


class MemoryResult(NamedTuple):
    """What a line remembers, and its new version; None where nothing changed or nothing was to be stored.

    `without_picture` counts reviewed parts whose picture is no longer stored or can't be read, `challenge` those that
    were left out for the challenge set.
    """

    line: str
    ok: int
    ng: int
    without_picture: int
    challenge: int
    sha256: str
    version: int | None
    curve: tuple[CurvePoint, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.line,
            "ok": self.ok,
            "ng": self.ng,
            "without_picture": self.without_picture,
            "left_out_for_challenge_set": self.challenge,
            "memory": self.sha256,
            "new_version": self.version,
            "curve": [point._asdict() for point in self.curve],
        }


def remember_line(
    database: str, evidence: FileEvidence, line: str, *, dry_run: bool = False, report: ReportProgress = no_progress
) -> MemoryResult:
    """Remember the line's newest reviewed parts, and store memory and new version unless `dry_run`.

    Raises InspectorError for an unknown line, one whose ladder has no view similar, or one without an OK and an NG
    part.
    """
    records = read_knowledge(database, line, MAX_PARTS)
    live = records.live
    if not live.pipeline.shows_similar:
        raise InspectorError(f"no rung of {line} asks the view similar; add it to a rung of the ladder first")
    found = _remembered(records.taught, live.pipeline, evidence, report)
    memory, ng = PartMemory.of(found), sum(part.is_ng for part in found)
    if not 0 < ng < len(found):
        counted = f"{len(found) - ng} OK and {ng} NG reviewed parts have a picture"
        raise InspectorError(f"{line}: {counted}; the view similar shows one of each kind: review more parts")
    data = memory.to_bytes()
    sha256, version = hashlib.sha256(data).hexdigest(), None
    if not dry_run:
        evidence.put(data, MEDIA_TYPE)
        after = live.pipeline.model_copy(update={"similar_parts": sha256, "learned": None})
        origin, reason = VersionOrigin.TEACH, f"{len(memory.parts)} reviewed parts remembered"
        declared = DeclaredVersion(after, live.golden, user_name(), parent=live.version, reason=reason, origin=origin)
        new = store_remembering(database, declared, [part.sha256 for part in memory.parts])
        version = new.version if new else None
    missing = len(records.taught) - len(found)
    return MemoryResult(
        line, len(found) - ng, ng, missing, records.challenge, sha256, version, tuple(error_curve(memory))
    )


def _remembered(
    history: tuple[PartHistory, ...], pipeline: Pipeline, evidence: FileEvidence, report: ReportProgress
) -> list[RememberedPart]:
    groups, read = group_parts([dated(each.part) for each in history]).groups, _reader(pipeline, evidence)
    found: list[RememberedPart] = []
    for number, (each, group) in enumerate(zip(history, groups, strict=True), 1):
        if part := read(each, group):
            found.append(part)
        report("pictures of reviewed parts", number, len(history))
    return found


def _reader(pipeline: Pipeline, evidence: FileEvidence) -> Callable[[PartHistory, str], RememberedPart | None]:
    """Return what reads the look of one part; it returns None where its picture is not stored or not readable."""
    grey_pixels = CameraPictureReader().grey_pixels

    def read(each: PartHistory, group: str) -> RememberedPart | None:
        sha256, region = picture_of(each), pipeline.region(each.part.key.camera)
        try:
            picture = Picture(evidence.get(sha256), bit_depth=pipeline.picture.bit_depth, region=region)
            look = small_grey(grey_pixels(picture)).ravel()
        except (KeyError, LedgerError, PictureError):
            return None
        return RememberedPart(sha256, each.is_ng is True, look, region, group)

    return read
