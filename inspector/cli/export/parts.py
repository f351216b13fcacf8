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


def export_parts(
    to: Annotated[Path, typer.Argument(help="File ending in .csv or .jsonl, or - for CSV on standard output.")],
    line: Annotated[str | None, typer.Option(help="Only this line.")] = None,
    disposition: Annotated[str | None, typer.Option(help="Only PASS, REJECT or REVIEW.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many parts.", min=1)] = None,
) -> None:
    """Export decided parts, newest first, with verdict, votes and findings."""
    from inspector.adapters.ledger import SqlArchive
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.export import iter_parts, write_csv, write_jsonl
    from inspector.ports.archive import PartFilter

    rows = iter_parts(SqlArchive(absolute(read_settings()).database), PartFilter(line, None, disposition), limit)
    write = write_jsonl if to.suffix == ".jsonl" else write_csv
    with _opened(to) as out:
        count = write(rows, out)
    print_status(f"{count} part(s) → {to}")


@contextmanager
def _opened(to: Path) -> Iterator[IO[str]]:
    if str(to) == "-":
        yield sys.stdout
    else:
        with to.open("w", newline="", encoding="utf-8") as out:
            yield out
