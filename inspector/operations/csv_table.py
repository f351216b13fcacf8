"""Read a CSV file that a person made: with a spreadsheet or by hand, in any of the forms that these programs write.

Accepted: UTF-8 with or without a byte order mark, UTF-16, a named code page; commas, semicolons or tabs between cells;
Excel's `sep=` line; capitals, spaces and hyphens in column names; empty rows; decimal commas in quoted cells or between
semicolons.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from inspector.errors import DeclarationError, Fault
from inspector.operations.regular_file import regular_bytes
from inspector.text import printable, shortened

SEPARATORS: Final = (",", ";", "\t")
SEPARATOR_LINE: Final = "sep="  # Excel's own first line, followed by the separator
BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
MAX_LISTED_FAULTS: Final = 50  # in one error; the others are counted
MAX_SHOWN: Final = 60  # characters of a cell in an error


class CsvRow(NamedTuple):
    """One row: its number as a spreadsheet shows it, and its cells by column. A missing cell is empty."""

    number: int
    cells: dict[str, str]


class CsvTable(NamedTuple):
    """The known columns of a file that it has, and its rows that are not empty."""

    columns: frozenset[str]
    rows: tuple[CsvRow, ...]


def read_table(file: Path, known: Collection[str], encoding: str | None = None) -> CsvTable:
    """Read the known columns; others are ignored. Raises DeclarationError with every fault of the file's form."""
    records = _records(file, _text(file, encoding), known)
    header = [_column(title, known) for title in records[0]]
    _require_columns(file, header, records[0], known)
    rows = [(number, cells) for number, cells in enumerate(records[1:], start=2) if any(cells)]
    require_faultless([_too_wide(file, number, header, cells) for number, cells in rows if any(cells[len(header) :])])
    if not rows:
        raise DeclarationError([Fault(str(file), "rows", "there are none", "write one row for each part or picture")])
    return CsvTable(
        frozenset(name for name in header if name),
        tuple(CsvRow(number, _named_cells(header, cells, known)) for number, cells in rows),
    )


def require_faultless(faults: Sequence[Fault]) -> None:
    """Raise DeclarationError with these faults, if there are any. A long list is cut, and says so."""
    if not faults:
        return
    listed, others = list(faults[:MAX_LISTED_FAULTS]), len(faults) - MAX_LISTED_FAULTS
    if others > 0:
        listed.append(Fault(faults[0].file, "rows", f"{others} more fault(s) are not listed", "correct these first"))
    raise DeclarationError(listed)


def shown(cell: str) -> str:
    """Return a cell for an error: quoted, printable and short."""
    return repr(shortened(printable(cell), MAX_SHOWN))


def _text(file: Path, encoding: str | None) -> str:
    remedy = "name a CSV file"
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise DeclarationError([Fault(str(file), "file", "it is too large", "split it into several files")])
        data = regular_bytes(file)
    except OSError as error:
        raise DeclarationError([Fault(str(file), "file", error.strerror or str(error), remedy)]) from error
    name = encoding or _encoding(data)
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        remedy = "save it as CSV UTF-8, or name its code page with --encoding, such as cp1252"
        raise DeclarationError([Fault(str(file), "text", f"it is not {name}", remedy, row)]) from error
    except LookupError as error:
        remedy = "use a name such as utf-8, utf-16 or cp1252"
        raise DeclarationError([Fault(str(file), "encoding", f"{name} is unknown", remedy)]) from error


def _encoding(data: bytes) -> str:
    """Return the encoding by the byte order mark; without one a zero in the first character means UTF-16."""
    for mark, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return name
    return {b"\0": "utf-16-be"}.get(data[:1]) or ("utf-16-le" if data[1:2] == b"\0" else "utf-8")


def _records(file: Path, text: str, known: Collection[str]) -> list[list[str]]:
    """Split the text into cells, by the separator under which its header has the most known columns."""
    first, _, rest = text.partition("\n")
    is_named = first.lower().lstrip('"').startswith(SEPARATOR_LINE)
    text, separators = (rest, _named_separator(first)) if is_named else (text, SEPARATORS)
    try:
        return max((_split(text, each) for each in separators), key=lambda records: _rank(records[0], known))
    except csv.Error as error:
        raise DeclarationError([Fault(str(file), "cells", str(error), "close every quoted cell")]) from error


def _named_separator(line: str) -> Sequence[str]:
    """Return the separator that a `sep=` line names; all of them where it names another one."""
    return [each for each in SEPARATORS if each in line] or SEPARATORS


def _split(text: str, separator: str) -> list[list[str]]:
    records = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return [[cell.strip() for cell in record] for record in records] or [[]]


def _rank(header: Sequence[str], known: Collection[str]) -> tuple[int, int]:
    return sum(_column(title, known) is not None for title in header), len(header)


def _column(title: str, known: Collection[str]) -> str | None:
    """Return the known column that a title means, whatever its capitals, spaces and hyphens."""
    return next((name for name in known if _letters(name) == _letters(title)), None)


def _letters(title: str) -> str:
    return "".join(character for character in title.casefold() if character.isalnum())


def _require_columns(file: Path, header: Sequence[str | None], titles: Sequence[str], known: Collection[str]) -> None:
    names = ", ".join(known)
    if not any(header):
        found = shown(", ".join(titles))
        raise DeclarationError([Fault(str(file), "header", f"no column is known in {found}", f"use {names}", 1)])
    twice = sorted(name for name, count in Counter(filter(None, header)).items() if count > 1)
    require_faultless([Fault(str(file), name, "two columns have this name", "remove one", 1) for name in twice])


def _too_wide(file: Path, number: int, header: Sequence[str | None], cells: Sequence[str]) -> Fault:
    problem = f"the row has {len(cells)} cells, the header {len(header)}"
    return Fault(str(file), "cells", problem, "quote cells that hold a comma, or separate by semicolons", number)


def _named_cells(header: Sequence[str | None], cells: Sequence[str], known: Collection[str]) -> dict[str, str]:
    return dict.fromkeys(known, "") | dict(_pairs(header, cells))


def _pairs(header: Sequence[str | None], cells: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name, cell in zip(header, cells, strict=False):
        if name:
            yield name, cell
