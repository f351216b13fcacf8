"""The first line of a pipeline file: the version of the line that the file was made from.

# base: pcb version 12
# base: pcb version 12, by plan
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from inspector.domain.line_version import VersionOrigin
from inspector.errors import DeclarationError, Fault
from inspector.text import printable, shortened

BASE_LINE: Final = re.compile(r"#\s*base:\s*(\S+)\s+version\s+([1-9][0-9]{0,8})(?:,\s*by\s+([a-z]+))?\s*")
BASE_WORD: Final = re.compile(r"#\s*base\s*:")
WRITERS: Final = {each.value: each for each in (VersionOrigin.PLAN, VersionOrigin.CHECKLIST)}


class FileBase(NamedTuple):
    """The version that a file was made from, and what a version made of the file comes from."""

    line: str
    version: int
    origin: VersionOrigin = VersionOrigin.FILE

    def __str__(self) -> str:
        writer = "" if self.origin is VersionOrigin.FILE else f", by {self.origin}"
        return f"# base: {self.line} version {self.version}{writer}"


def read_base(text: str | bytes, file: str, line: str) -> FileBase | None:
    """Return the base that the first line names; None where it names none.

    Raises DeclarationError for a first line that can't be read, and for the base of another line than the file's.
    """
    first = _first_row(text)
    if not BASE_WORD.match(first):
        return None
    found = BASE_LINE.fullmatch(first)
    if found is None or (found[3] and found[3] not in WRITERS):
        given = shortened(printable(first), 60)
        raise _refused(file, f"{given!r} names no version", f"write '# base: {line} version N', or remove the row")
    if found[1] != line:
        raise _refused(file, f"is {found[1]!r}, but the file declares {line!r}", "remove the row, or correct the name")
    return FileBase(line, int(found[2]), WRITERS.get(found[3] or "", VersionOrigin.FILE))


def _first_row(text: str | bytes) -> str:
    decoded = text.decode("utf-8-sig", "replace") if isinstance(text, bytes) else text.removeprefix("\ufeff")
    return decoded.split("\n", 1)[0].strip()


def _refused(file: str, problem: str, remedy: str) -> DeclarationError:
    return DeclarationError([Fault(file, "base", problem, remedy, 1)])
