"""Show the versions of a line and their differences."""

from __future__ import annotations

from contextlib import closing

from inspector.adapters.ledger import SqlArchive
from inspector.config.diff import VersionDiff
from inspector.lines.versions import Versions
from inspector.ports.lines import LineVersion


def line_history(database: str, line: str) -> list[LineVersion]:
    """List the versions of a line, oldest first. Raises InspectorError for an unknown line."""
    with closing(SqlArchive(database)) as archive:
        return Versions(archive).history(line)


def version_diff(database: str, line: str, one: int, other: int) -> VersionDiff:
    """Compare two versions of a line. Raises InspectorError for an unknown version."""
    with closing(SqlArchive(database)) as archive:
        return Versions(archive).diff(line, one, other)
