"""Make declared pipelines live: read the files, store their golden samples, list the changes, check that each file was
made from the live version, and store a new version of each changed line. Running stations load new versions by
themselves.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import (
    DeclaredVersion,
    FileEvidence,
    SqlArchive,
    SqlChallengeStore,
    store_versions,
    upgrade,
)
from inspector.config.diff import DeclaredPipeline, SettingChange, compare, read_declarations
from inspector.config.engine_limits import unserved_settings
from inspector.config.file_base import FileBase
from inspector.domain.line_version import VersionOrigin
from inspector.domain.model_card import ModelCard
from inspector.errors import ConflictError, DeclarationError, Fault, InspectorError, PictureError
from inspector.lines.carried_settings import carry_over
from inspector.lines.challenge import ChallengedPictures
from inspector.lines.kept_rights import KeptRight
from inspector.lines.line_pictures import measure_for_line
from inspector.lines.states import require_short
from inspector.lines.versions import ReadableVersion, Versions
from inspector.operations.line_states import user_name
from inspector.operations.regular_file import picture_bytes, regular_bytes
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PipelineVersion

NO_RIGHTS: Final[Mapping[str, KeptRight]] = MappingProxyType({})


class LineChange(NamedTuple):
    """The change that applying makes to one line. `version` is the live one, None for a new line. `forgets`: values
    learned from the line's votes no longer apply, because scores change."""

    declared: DeclaredPipeline
    golden: tuple[str, ...]
    version: int | None
    changes: tuple[SettingChange, ...]
    new_golden: bool
    forgets: bool = False

    @property
    def line(self) -> str:
        return self.declared.pipeline.line

    @property
    def content(self) -> ReadableVersion:
        return ReadableVersion(self.declared.pipeline, self.golden)

    @property
    def is_new(self) -> bool:
        return self.version is None

    @property
    def is_changed(self) -> bool:
        return self.is_new or bool(self.changes) or self.new_golden

    @property
    def rescores(self) -> bool:
        """Whether earlier votes are not comparable with later ones."""
        return not self.is_new and (self.new_golden or any(change.rescores for change in self.changes))

    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.line,
            "file": self.declared.file,
            "live_version": self.version,
            "new": self.is_new,
            "changed": self.is_changed,
            "rescores": self.rescores,
            "forgets": self.forgets,
            "changes": [change._asdict() for change in self.changes],
        }


def read_pipelines(path: Path) -> tuple[DeclaredPipeline, ...]:
    """Read the `*.yaml` files of a folder, or one file. Raises DeclarationError with all faults together."""
    files = sorted(path.glob("*.yaml")) + sorted(path.glob("*.yml")) if path.is_dir() else [path]
    if not files:
        raise DeclarationError([Fault(str(path), "folder", "holds no *.yaml", "name a folder such as pipelines/")])
    try:
        return read_declarations({str(file): regular_bytes(file) for file in files})
    except OSError as error:
        remedy = "name a pipeline file, or a folder of them"
        raise DeclarationError([Fault(str(path), "file", error.strerror or str(error), remedy)]) from error


def plan_changes(
    fleet: tuple[DeclaredPipeline, ...], database: str, evidence: FileEvidence, card: ModelCard | None = None
) -> list[LineChange]:
    """Work out the change of each line, to be judged by the card's model where one is given.

    Stores the golden samples in the evidence store. Names there are content hashes, so a plan that is not carried out
    does no harm. Raises DeclarationError for an unreadable golden sample, and for a line that the card can't serve.
    """
    upgrade(database)
    live = {version.pipeline.line: version for version in SqlArchive(database).list_pipelines()}
    faults: list[Fault] = []
    hashes = {each.file: golden_hashes(each, evidence, faults) for each in fleet}
    faults += [*_challenged(fleet, hashes, database), *_unserved(fleet, card)]
    if faults:
        raise DeclarationError(faults)
    return [_change(each, hashes[each.file], live.get(each.pipeline.line)) for each in fleet]


def _challenged(
    fleet: tuple[DeclaredPipeline, ...], hashes: dict[str, tuple[str, ...]], database: str
) -> Iterator[Fault]:
    """Yield a fault for each golden sample that is a challenge part of its line: the model is shown golden samples."""
    with closing(SqlChallengeStore(database)) as store:
        for file, pipeline, _ in fleet:
            challenged = ChallengedPictures(store, pipeline.line)
            for place, sha256 in enumerate(hashes[file]):
                if fault := challenged.fault(sha256):
                    problem = f"{pipeline.golden_samples[place]}: {fault.problem}"
                    yield Fault(file, f"golden_samples[{place}]", problem, fault.remedy)


def _unserved(fleet: tuple[DeclaredPipeline, ...], card: ModelCard | None) -> Iterator[Fault]:
    if card is None:
        return
    for file, pipeline, _ in fleet:
        yield from (Fault(file, *each) for each in unserved_settings(pipeline, card))


def require_bases(changes: Sequence[LineChange], database: str, base: int | None = None) -> None:
    """Raise ConflictError, for all lines together, where a changed file was not made from the live version.

    `base` is the version that the file of the only changed line was made from, whatever the file says.
    """
    changed = [change for change in changes if change.is_changed and not change.is_new]
    if base is not None and len(changed) > 1:
        lines = ", ".join(change.line for change in changed)
        raise InspectorError(f"base: {base} can't be the base of several lines ({lines}); name one file")
    conflicts = []
    with closing(SqlArchive(database)) as archive:
        for change in changed:
            given = change.declared.base if base is None else FileBase(change.line, base)
            try:
                Versions(archive).require_base(change.line, given)
            except ConflictError as error:
                conflicts.append(f"{change.declared.file}: {error}")
    if conflicts:
        raise ConflictError("\n".join(conflicts))


def store_changes(
    changes: Sequence[LineChange], database: str, reason: str = "", rights: Mapping[str, KeptRight] = NO_RIGHTS
) -> dict[str, int]:
    """Store a new version of every changed line, all or none. Returns the new versions by line.

    `rights` are what becomes of the lines' rights to pass; their proofs are recorded with the versions.

    Raises ConflictError where a line got another version since the changes were planned.
    """
    require_short(reason)
    author = user_name()
    changed = [each for each in changes if each.is_changed]
    proofs = [rights[each.line].proofs if each.line in rights else () for each in changed]
    versions = [_version(each, author, reason) for each in changed]
    proved = [each._replace(proofs=proof) for each, proof in zip(versions, proofs, strict=True)]
    return dict(store_versions(database, proved))


def _version(change: LineChange, author: str, reason: str) -> DeclaredVersion:
    declared = change.declared
    origin = declared.base.origin if declared.base else VersionOrigin.FILE
    source = Path(declared.file).read_text(encoding="utf-8-sig")
    return DeclaredVersion(declared.pipeline, change.golden, author, source, change.version, reason, origin)


def _change(declared: DeclaredPipeline, hashes: tuple[str, ...], live: PipelineVersion | None) -> LineChange:
    if live is None:
        return LineChange(declared, hashes, None, (), False)
    carried = carry_over(ReadableVersion(declared.pipeline, hashes), live)
    declared = declared._replace(pipeline=carried.pipeline)
    changed = compare(live, carried)
    forgets = live.pipeline.learned is not None and declared.pipeline.learned is None
    return LineChange(declared, hashes, live.version, changed.settings, changed.new_golden, forgets)


def golden_hashes(declared: DeclaredPipeline, evidence: EvidenceStore, faults: list[Fault]) -> tuple[str, ...]:
    """Store the declared golden samples. Appends to `faults` for each unusable one."""
    hashes = []
    for number, source in enumerate(declared.pipeline.golden_samples):
        try:
            data, media_type = _golden_bytes(source, Path(declared.file).parent)
            measure_for_line(CameraPictureReader(()), data, media_type, declared.pipeline)
        except (OSError, PictureError, ValueError) as error:
            problem = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            remedy = "name a picture relative to this file"
            faults.append(Fault(declared.file, f"golden_samples[{number}]", f"{source}: {problem}", remedy))
        else:
            hashes.append(evidence.put(data, media_type).sha256)
    return tuple(hashes)


def _golden_bytes(source: str, folder: Path) -> tuple[bytes, str]:
    path = folder / source
    return picture_bytes(path), mimetypes.guess_type(path.name)[0] or ""
