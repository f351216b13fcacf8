"""Golden samples of a line: list them, and plan and store a version with more or fewer of them.

A plan says what the change does before it is stored. Stored pictures stay: every version keeps its golden samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import FileEvidence, SqlArchive, SqlChallengeStore, store_versions
from inspector.domain.line_version import VersionOrigin
from inspector.domain.picture_format import FORMATS, picture_format
from inspector.domain.pipeline import Pipeline
from inspector.domain.quality import quality_fault
from inspector.domain.truth import TruthState
from inspector.errors import InspectorError, PictureError
from inspector.lines.line_pictures import measure_for_line
from inspector.lines.states import require_short
from inspector.operations.line_states import line_states, user_name
from inspector.operations.stored_pictures import picture_of, stored_part
from inspector.ports.ledger import PipelineVersion
from inspector.ports.lines import DeclaredVersion
from inspector.settings import Settings

NEWEST_PARTS: Final = 10_000  # that are counted as affected, besides all reviewed ones


class GoldenSample(NamedTuple):
    """A golden sample of the live version. `is_shown`: the model is shown it next to each frame."""

    number: int
    sha256: str
    name: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class GoldenChange:
    """A change of a line's golden samples before it is stored.

    `parts` of the newest stored ones and `reviewed` ones were judged under the present fingerprint.
    """

    live: PipelineVersion
    samples: tuple[GoldenSample, ...]
    declared: DeclaredVersion
    parts: int
    reviewed: int

    @property
    def line(self) -> str:
        return self.live.pipeline.line

    @property
    def effects(self) -> list[str]:
        """What the change does, in sentences."""
        shown, before = sum(each.is_shown for each in self.samples), len(self.live.golden)
        return [
            f"golden samples: {before} become {len(self.samples)}; the model is shown {shown} with each frame",
            f"scores change: {self.line} becomes UNQUALIFIED until it is qualified; run: inspector qualify {self.line}",
            f"votes of {self.parts} stored parts, {self.reviewed} of them reviewed, no longer count for its thresholds",
            *(["values learned from votes no longer apply"] if self.live.pipeline.learned else []),
        ]

    def as_json(self, new_version: int | None) -> dict[str, Any]:
        return {
            "line": self.line,
            "live_version": self.live.version,
            "new_version": new_version,
            "golden_samples": [each._asdict() for each in self.samples],
            "affected_parts": self.parts,
            "affected_reviewed": self.reviewed,
            "effects": self.effects,
        }


def golden_samples(settings: Settings, line: str) -> list[GoldenSample]:
    """List the golden samples of the live version. Raises LedgerError, and InspectorError for an unknown line."""
    with line_states(settings) as states:
        version = states.version(line)
    return _samples(version.pipeline, version.golden)


def plan_addition(
    settings: Settings, line: str, files: Sequence[Path], result_ids: Sequence[str], reason: str, *, first: bool
) -> GoldenChange:
    """Plan a version with further golden samples, from files and from stored parts.

    Stores their pictures; nothing refers to them before `store_change`. Raises InspectorError for an unusable one.
    """
    if not files and not result_ids:
        raise InspectorError("no pictures are named; name files, or stored parts with --part RESULT_ID")
    evidence = FileEvidence(settings.evidence)
    with line_states(settings) as states, closing(SqlArchive(settings.database)) as archive:
        live = states.version(line)
        pictures = [(str(file), _read(file)) for file in files]
        pictures += [(f"part {each}", _stored(archive, evidence, line, each)) for each in result_ids]
    known = dict(zip(live.golden, live.pipeline.golden_samples, strict=True))
    added: dict[str, str] = {}
    challenged = _challenge_parts(settings, line)
    for name, data in pictures:
        _require_usable(name, data, live.pipeline)
        sha256 = evidence.put(data, "").sha256
        if sha256 in known or sha256 in added:
            raise InspectorError(f"{name}: is a golden sample of {line} already; leave it out")
        if sha256 in challenged:
            remedy = f"choose another picture, or run: inspector challenge remove {line} {challenged[sha256]}"
            raise InspectorError(f"{name}: is challenge part {challenged[sha256]} of the line; {remedy}")
        added[sha256] = _file_name(sha256, data)
    return _plan(settings, live, added | known if first else known | added, reason)


def plan_removal(settings: Settings, line: str, numbers: Sequence[int], reason: str) -> GoldenChange:
    """Plan a version without these golden samples. Raises InspectorError for numbers that the line does not have."""
    with line_states(settings) as states:
        live = states.version(line)
    unknown = sorted(set(numbers) - set(range(1, len(live.golden) + 1)))
    if unknown:
        raise InspectorError(f"{line} has no golden sample {unknown[0]}; see: inspector golden list {line}")
    kept = list(zip(live.golden, live.pipeline.golden_samples, strict=True))
    return _plan(settings, live, dict(pair for number, pair in enumerate(kept, 1) if number not in numbers), reason)


def store_change(settings: Settings, change: GoldenChange) -> int:
    """Store the version and return its number. Raises ConflictError where the line was changed meanwhile."""
    [stored] = store_versions(settings.database, [change.declared])
    return stored.version


def _plan(settings: Settings, live: PipelineVersion, golden: dict[str, str], reason: str) -> GoldenChange:
    require_short(reason)
    content = live.pipeline.model_dump() | {"golden_samples": tuple(golden.values()), "learned": None}
    try:
        pipeline = Pipeline.model_validate(content)
    except ValidationError as error:
        raise InspectorError(f"golden samples: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    origin = VersionOrigin.GOLDEN
    declared = DeclaredVersion(pipeline, tuple(golden), user_name(), "", live.version, reason, origin)
    parts, reviewed = _affected(settings, pipeline.line)
    return GoldenChange(live, tuple(_samples(pipeline, tuple(golden))), declared, parts, reviewed)


def _affected(settings: Settings, line: str) -> tuple[int, int]:
    """Count the parts of the present fingerprint, and how many of them are reviewed."""
    with closing(SqlArchive(settings.database)) as archive:
        fingerprint = archive.fingerprint(line)
        if fingerprint is None:
            return 0, 0
        found = archive.history(line, fingerprint, NEWEST_PARTS)
    return len(found.parts), sum(part.is_ng is not None for part in found.parts)


def _samples(pipeline: Pipeline, golden: Sequence[str]) -> list[GoldenSample]:
    pairs = zip(golden, pipeline.golden_samples, strict=True)
    return [
        GoldenSample(number, sha256, name, number <= pipeline.references)
        for number, (sha256, name) in enumerate(pairs, 1)
    ]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InspectorError(f"{file}: {error.strerror or error}; name a picture") from error


def _stored(archive: SqlArchive, evidence: FileEvidence, line: str, result_id: str) -> bytes:
    part = stored_part(archive, line, result_id)
    truth = archive.truth(result_id)
    if truth is not None and truth.state is TruthState.DISPUTED:
        raise InspectorError(f"the reviewers of part {result_id} differ; adjudicate it, or choose another part")
    if truth is not None and truth.is_ng:
        raise InspectorError(f"part {result_id} was reviewed as NG; a golden sample shows a good part")
    return picture_of(evidence, part)


def _challenge_parts(settings: Settings, line: str) -> dict[str, int]:
    with closing(SqlChallengeStore(settings.database)) as store:
        return {part.sha256: part.number for part in store.challenge_parts(line)}


def _require_usable(name: str, data: bytes, pipeline: Pipeline) -> None:
    """Refuse a picture that the line would not judge."""
    try:
        measured = measure_for_line(CameraPictureReader(()), data, "", pipeline)
    except PictureError as error:
        raise InspectorError(f"{name}: {error}") from error
    if fault := quality_fault(measured, pipeline.quality):
        raise InspectorError(f"{name}: {fault}")


def _file_name(sha256: str, data: bytes) -> str:
    """Return the name under which an export writes the picture."""
    kind = picture_format(data)
    return f"golden/{sha256[:16]}.{FORMATS[kind].suffix if kind else 'bin'}"
