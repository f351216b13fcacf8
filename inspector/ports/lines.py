"""Port of `adapters/ledger`: the states of lines, as people set them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from inspector.domain.line_state import LineState, PassRight
from inspector.ports.ledger import PipelineVersion


class StatusChange(NamedTuple):
    """A change of one line's status: a new state, or a new right to pass, or both. None leaves either as it is."""

    line: str
    state: LineState | None
    right: PassRight | None
    reason: str
    author: str


class LineArchive(Protocol):
    """What is known about lines. Synchronous. Raises LedgerError."""

    def list_pipelines(self) -> list[PipelineVersion]:
        """List the newest version of every line with the line's status."""

    def fingerprint(self, line: str) -> str | None:
        """Return the fingerprint of this line's newest parts; None if none was judged as the line is declared now."""


class LineStore(Protocol):
    """Stores changes of status. Synchronous."""

    def change_status(self, change: StatusChange) -> None:
        """Store state and right in one transaction. Earlier ones stay. Raises LedgerError."""
