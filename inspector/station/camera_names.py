"""Which cameras have figures of their own: all that pipelines declare, and a bounded number of others.

Names come from outside without limit. All further cameras of a line share one entry, and so do all further lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from inspector.ports.ledger import CameraRow

MAX_UNDECLARED_CAMERAS: Final = 64  # of one line; further ones are counted together
MAX_UNKNOWN_LINES: Final = 64
OTHERS: Final = "*"  # stands for all further names; no topic contains it


class CameraPlace(NamedTuple):
    """The line and camera under which a camera is counted."""

    line: str
    camera: str

    @property
    def is_own(self) -> bool:
        """Whether it stands for one camera."""
        return self.camera != OTHERS


class CameraNames:
    """The names of one station. A name that got an entry keeps it."""

    def __init__(self) -> None:
        self._declared: Mapping[str, Sequence[str]] = {}
        self._undeclared: dict[str, set[str]] = {}
        self._unknown_lines: set[str] = set()

    def declare(self, cameras: Mapping[str, Sequence[str]]) -> None:
        """Take the cameras that pipelines declare, by line."""
        self._declared = cameras
        self._unknown_lines -= cameras.keys()

    def restore(self, rows: Iterable[CameraRow]) -> list[CameraRow]:
        """Keep the entries of an earlier run, oldest first; return the rows that have one."""
        by_age = sorted(rows, key=lambda row: row.first_seen)
        return [row for row in by_age if self.place(row.line, row.camera) == (row.line, row.camera)]

    def place(self, line: str, camera: str) -> CameraPlace:
        """Return where this camera is counted."""
        line = self.line(line)
        if line == OTHERS:
            return CameraPlace(OTHERS, OTHERS)
        if camera in self._declared.get(line, ()):
            return CameraPlace(line, camera)
        undeclared = self._undeclared.setdefault(line, set())
        if len(undeclared) < MAX_UNDECLARED_CAMERAS:
            undeclared.add(camera)
        return CameraPlace(line, camera if camera in undeclared else OTHERS)

    def line(self, line: str) -> str:
        """Return the line under which this line is counted."""
        if line in self._declared:
            return line
        if len(self._unknown_lines) < MAX_UNKNOWN_LINES:
            self._unknown_lines.add(line)
        return line if line in self._unknown_lines else OTHERS
