"""Reads a line's live version and its judged parts from the command line."""

from __future__ import annotations

from contextlib import closing

from inspector.adapters.ledger import SqlArchive
from inspector.lines.line_records import LineRecords, line_records


def read_line_records(database: str, line: str) -> LineRecords:
    """Raises InspectorError for an unknown line, or if no part was judged under its live declaration."""
    with closing(SqlArchive(database)) as archive:
        return line_records(archive, line)
