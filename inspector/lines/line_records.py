"""A line's live version, and its judged parts with their truths."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from inspector.domain.part_history import History
from inspector.errors import InspectorError
from inspector.lines.states import live_version
from inspector.ports.ledger import PipelineVersion
from inspector.ports.lines import LineArchive

MAX_UNREVIEWED_PARTS: Final = 5000  # newest parts without a review that are read


class LineRecords(NamedTuple):
    """The live version, the fingerprint of its newest judgements, and the parts judged under that fingerprint."""

    live: PipelineVersion
    fingerprint: str
    history: History


class RecordArchive(LineArchive, Protocol):
    """What is known about a line's parts. Synchronous. Raises LedgerError."""

    def history(self, line: str, fingerprint: str, newest: int) -> History:
        """Return the line's parts under this fingerprint: all reviewed and shadow parts, and the newest others."""


def line_records(archive: RecordArchive, line: str) -> LineRecords:
    """Raises InspectorError for an unknown line, or if no part was judged under its live declaration."""
    live = live_version(archive, line)
    fingerprint = judged_fingerprint(archive, live)
    return LineRecords(live, fingerprint, archive.history(line, fingerprint, MAX_UNREVIEWED_PARTS))


def judged_fingerprint(archive: LineArchive, live: PipelineVersion) -> str:
    """Return the fingerprint of the newest part that the live declaration judged. Raises InspectorError without one."""
    line = live.pipeline.line
    fingerprint = archive.fingerprint(line)
    if fingerprint is None:
        raise InspectorError(
            f"no part of {line} was judged as the line is declared now (version {live.version}); let it run first"
        )
    return fingerprint
