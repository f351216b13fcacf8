"""`inspector export parts`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from inspector.cli.options import read_settings
from inspector.cli.output import print_status
from inspector.domain.declared import Disposition
from inspector.errors import InspectorError


def export_parts(
    to: Annotated[Path, typer.Argument(help="File ending in .csv or .jsonl, or - for CSV on standard output.")],
    line: Annotated[str | None, typer.Option(help="Only this line.")] = None,
    disposition: Annotated[
        Disposition | None, typer.Option(help="Only parts with this disposition.", case_sensitive=False)
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many parts.", min=1)] = None,
) -> None:
    """Export decided parts, newest first: a CSV file with the truth of each, or JSON lines with report and reviews.

    An apostrophe precedes text in a CSV file that a spreadsheet could read as a formula; inspector review removes it.
    """
    from inspector.adapters.ledger import SqlArchive
    from inspector.bootstrap.from_settings import absolute
    from inspector.ports.archive import PartFilter
    from inspector.reviewing.part_export import csv_lines, exported_parts, json_lines

    archive, wanted = SqlArchive(absolute(read_settings()).database), PartFilter(line, None, disposition)
    parts, is_json = exported_parts(archive, wanted, limit), to.suffix == ".jsonl"
    with _opened(to) as out:
        count = sum(bool(out.write(text)) for text in (json_lines(parts) if is_json else csv_lines(parts)))
    print_status(f"{count if is_json else count - 1} part(s) → {to}")


@contextmanager
def _opened(to: Path) -> Iterator[IO[str]]:
    """Open the file. Raises InspectorError if it can't be written."""
    if str(to) == "-":
        yield sys.stdout
        return
    try:
        with to.open("w", newline="", encoding="utf-8") as out:
            yield out
    except OSError as error:
        raise InspectorError(f"{to} can't be written: {error.strerror or error}; name another file") from error
