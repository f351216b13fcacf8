"""A line as it stands in the ledger, with what became known about its parts."""

from __future__ import annotations

from typing import Final, NamedTuple

from inspector.adapters.ledger import SqlArchive
from inspector.domain.review import History
from inspector.errors import InspectorError
from inspector.ports.ledger import PipelineVersion

MAX_UNREVIEWED_PARTS: Final = 5000  # of the parts that nobody reviewed


class LineRecords(NamedTuple):
    """A line as it stands, and its parts as they were judged."""

    live: PipelineVersion
    fingerprint: str
    history: History


def read_line_records(database: str, line: str) -> LineRecords:
    """Raises InspectorError for a line that is not there, or was never judged as it is declared now."""
    archive = SqlArchive(database)
    try:
        live = live_version(archive, line)
        fingerprint = archive.fingerprint(line)
        if fingerprint is None:
            raise InspectorError(
                f"no part of {line} was judged as the line is declared now (version {live.version}); let it run first"
            )
        return LineRecords(live, fingerprint, archive.history(line, fingerprint, MAX_UNREVIEWED_PARTS))
    finally:
        archive.close()


def live_version(archive: SqlArchive, line: str) -> PipelineVersion:
    """Raises InspectorError for a line that is not there."""
    live = next((each for each in archive.list_pipelines() if each.pipeline.line == line), None)
    if live is None:
        raise InspectorError(f"there is no line {line!r}; declare it in a pipeline and run: inspector apply")
    return live
