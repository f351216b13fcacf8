"""`inspector learn`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_json


def learn(
    line: Annotated[str, typer.Argument(help="The line.")],
    fuse: Annotated[bool, typer.Option("--fuse", help="Weigh the second opinion into scores.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show it, and its price.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn from a line's stored votes and reviews: how alike votes are, calibration, and which rungs do harm.

    Shows first what would have changed on stored parts. What too few parts show is not learned, and said.
    """
    from inspector.bootstrap.wiring import absolute
    from inspector.cli.tables.lesson import lesson_table
    from inspector.operations.learn import learn as study

    found = study(absolute(read_settings()).database, line, fuse=fuse, dry_run=dry_run)
    if as_json:
        print_json(found.as_json())
    else:
        Console().print(lesson_table(found))
