"""Port of `adapters/ledger`: the states of lines, as people set them, and the versions of lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from inspector.domain.line_state import LineState, PassRight
from inspector.domain.line_version import VersionOrigin
from inspector.domain.part_history import History
from inspector.domain.pipeline import Pipeline
from inspector.ports.challenge import QualificationRecord
from inspector.ports.ledger import PipelineVersion


class SeenLine(NamedTuple):
    """What the author of a change knows of a line: its live version, and the number of its newest state."""

    version: int
    number: int

    @classmethod
    def of(cls, live: PipelineVersion) -> SeenLine:
        return cls(live.version, live.status.number)


class StatusChange(NamedTuple):
    """A change of one line's status: a new state, or new rights to pass, or both. None leaves the state as it is.

    `seen` is what its author knows of the line; None for a pause, which works at once whatever happened before.
    """

    line: str
    state: LineState | None
    rights: tuple[PassRight, ...]
    reason: str
    author: str
    seen: SeenLine | None = None


class LineArchive(Protocol):
    """What is known about lines. Synchronous. Raises LedgerError."""

    def list_pipelines(self) -> list[PipelineVersion]:
        """List the newest version of every line with the line's status."""

    def fingerprint(self, line: str, camera: str | None = None) -> str | None:
        """Return the fingerprint of the newest parts of the cameras that share this one's region.

        Without a camera: those of the line's first camera. None if none was judged as the line is declared now.
        """


class LineStore(Protocol):
    """Stores changes of status. Synchronous."""

    def change_status(self, change: StatusChange) -> None:
        """Store state and right in one transaction. Earlier ones stay.

        Raises StaleError where the line has another version or state than `seen` by then, and LedgerError.
        """


class DeclaredVersion(NamedTuple):
    """A version to store. `golden` are the sha256 of its golden samples in order.

    `source` is the text of the file with its comments; without one the previous version's stays. `parent` is the
    version that it was made from, None for a new line. `proofs` are qualifications, recomputed for its policy, that are
    recorded with it.
    """

    pipeline: Pipeline
    golden: tuple[str, ...]
    author: str = ""
    source: str = ""
    parent: int | None = None
    reason: str = ""
    origin: VersionOrigin = VersionOrigin.FILE
    proofs: tuple[QualificationRecord, ...] = ()


class NewVersion(NamedTuple):
    """The number that a stored version got."""

    line: str
    version: int


StoreVersions = Callable[[Sequence[DeclaredVersion]], list[NewVersion]]


class LineVersion(NamedTuple):
    """A stored version of a line, and how it came about.

    `declaration` is None for a version that was stored under another grammar.
    """

    line: str
    version: int
    declaration: Pipeline | None
    golden: tuple[str, ...]
    parent: int | None
    author: str
    reason: str
    origin: VersionOrigin
    created_at: datetime
    source: str


class JudgedCamera(NamedTuple):
    """The newest part that one version judged at one camera: its number, which grows with time, and its fingerprint."""

    camera: str
    version: int
    number: int
    fingerprint: str


class VersionArchive(Protocol):
    """The stored versions of lines. Synchronous. Raises LedgerError."""

    def versions(self, line: str) -> list[LineVersion]:
        """List all versions of a line, oldest first."""

    def judged_cameras(self, line: str) -> list[JudgedCamera]:
        """List the newest judged part of each camera under each version."""

    def history(self, line: str, fingerprint: str, newest: int) -> History:
        """Return the line's parts under this fingerprint: all reviewed and shadow parts, and the newest others."""
