"""The versions of a line: their history, their differences, and the base that a change must have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from inspector.config.diff import VersionDiff, compare
from inspector.config.file_base import FileBase
from inspector.domain.line_version import VersionOrigin
from inspector.domain.pipeline import Pipeline
from inspector.errors import ConflictError, InspectorError, NotFoundError
from inspector.lines.states import MIN_REASON_CHARACTERS, require_short, unknown_line
from inspector.ports.lines import DeclaredVersion, LineVersion, VersionArchive


class ReadableVersion(NamedTuple):
    """A version that this program can read: its pipeline, and the sha256 of its golden samples."""

    pipeline: Pipeline
    golden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of all lines. Every method raises LedgerError, and InspectorError for an unknown line or version."""

    archive: VersionArchive

    def history(self, line: str) -> list[LineVersion]:
        """List all versions of a line, oldest first."""
        versions = self.archive.versions(line)
        if not versions:
            raise unknown_line(line)
        return versions

    def version(self, line: str, number: int) -> LineVersion:
        """Return one version of a line."""
        versions = self.history(line)
        found = next((each for each in versions if each.version == number), None)
        if found is None:
            raise NotFoundError(f"{line} has no version {number}; its versions are 1 to {versions[-1].version}")
        return found

    def diff(self, line: str, one: int, other: int) -> VersionDiff:
        """Compare two versions of a line."""
        return compare(readable(self.version(line, one)), readable(self.version(line, other)))

    def rolled_back(self, line: str, to: int, author: str, reason: str, base: int | None = None) -> DeclaredVersion:
        """Return the version whose content is that of an earlier one, to be stored on top of the live version.

        Raises ConflictError where another version than `base` is live; None takes any.
        """
        live, earlier = self.history(line)[-1], self.version(line, to)
        if base not in (None, live.version):
            raise ConflictError(f"{line}: version {live.version} is live, not {base}; look at it and repeat")
        content = readable(earlier)
        if live.declaration is not None and compare(readable(live), content).is_empty:
            raise InspectorError(f"version {live.version} of {line}, which is live, already has the content of {to}")
        if len(reason) < MIN_REASON_CHARACTERS:
            need = f"one of at least {MIN_REASON_CHARACTERS} characters"
            raise InspectorError(f"reason: a rollback needs {need}, which is kept with the version; add --reason WHY")
        require_short(reason)
        why = f"to version {to}: {reason}"
        return DeclaredVersion(*content, author, earlier.source, live.version, why, VersionOrigin.ROLLBACK)

    def require_base(self, line: str, base: FileBase | None) -> None:
        """Raise ConflictError, with what changed since, where a file was not made from the live version.

        A file that names no base counts as made from the live version where that came from a file too.
        """
        versions = self.history(line)
        live = versions[-1]
        if base is None and live.origin is not VersionOrigin.FILE:
            files = [each for each in versions if each.origin is VersionOrigin.FILE]
            problem = f"the file names no base, and version {live.version} came from {live.origin}, not from a file"
            raise _conflict(problem, files[-1] if files else None, versions)
        if base is not None and base.version != live.version:
            known = next((each for each in versions if each.version == base.version), None)
            problem = f"the file is based on version {base.version}, but version {live.version} is live"
            raise _conflict(problem, known, versions)


def readable(version: LineVersion) -> ReadableVersion:
    """Return the content of a version. Raises InspectorError for one that was stored under another grammar."""
    if version.declaration is None:
        raise InspectorError(
            f"version {version.version} of {version.line} was stored under another grammar, which this program can't "
            f"read; apply a file instead"
        )
    return ReadableVersion(version.declaration, version.golden)


def _conflict(problem: str, base: LineVersion | None, versions: Sequence[LineVersion]) -> ConflictError:
    live = versions[-1]
    since = [each for each in versions if base is None or each.version > base.version]
    remedy = (
        f"carry your change over to the live version (inspector export pipelines FOLDER) and apply that file; to undo "
        f"what changed since, add --base {live.version}"
    )
    return ConflictError("\n".join([f"{live.line}: {problem}", *_changes(base, live), *map(_entry, since), remedy]))


def _changes(base: LineVersion | None, live: LineVersion) -> list[str]:
    if base is None:
        return ["what changed since is unknown: that version is not stored here"]
    if base.declaration is None or live.declaration is None:
        return ["what changed since can't be shown: one of the versions was stored under another grammar"]
    changed = str(compare(readable(base), readable(live))).splitlines()
    return [f"changed since version {base.version}:", *(f"  {each}" for each in changed or ["nothing"])]


def _entry(version: LineVersion) -> str:
    reason = f": {version.reason}" if version.reason else ""
    return f"  version {version.version} by {version.author or 'unknown'} ({version.origin}){reason}"
