"""A line's live version, and its judged parts with their reviews."""

from __future__ import annotations

from contextlib import closing
from typing import Final, NamedTuple

from inspector.adapters.ledger import SqlArchive
from inspector.domain.part_history import History
from inspector.errors import InspectorError
from inspector.lines.states import live_version
from inspector.ports.ledger import PipelineVersion

MAX_UNREVIEWED_PARTS: Final = 5000  # newest parts without a review that are read


class LineRecords(NamedTuple):
    """The live version, the fingerprint of its newest judgements, and the parts judged under that fingerprint."""

    live: PipelineVersion
    fingerprint: str
    history: History


def read_line_records(database: str, line: str) -> LineRecords:
    """Raises InspectorError for an unknown line, or if no part was judged under its live declaration."""
    with closing(SqlArchive(database)) as archive:
        live = live_version(archive, line)
        fingerprint = archive.fingerprint(line)
        if fingerprint is None:
            raise InspectorError(
                f"no part of {line} was judged as the line is declared now (version {live.version}); let it run first"
            )
        return LineRecords(live, fingerprint, archive.history(line, fingerprint, MAX_UNREVIEWED_PARTS))
