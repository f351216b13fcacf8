"""`inspector checklist`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inspector.cli.options import AsJson, ModelCardPath, read_settings
from inspector.cli.output import print_json, say, screen


def checklist(
    line: Annotated[str, typer.Argument(help="The line.")],
    model: ModelCardPath = None,
    most: Annotated[int, typer.Option(help="Reviewed parts of each kind to try the questions on.", min=0)] = 20,
    replace: Annotated[bool, typer.Option("--replace", help="Also where the line has a checklist already.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be asked.")] = False,
    write: Annotated[Path | None, typer.Option(help="Pipeline file to write, to be looked at and applied.")] = None,
    as_json: AsJson = False,
) -> None:
    """Have the model write a line's checklist from its golden samples, and try it on them and on reviewed parts.

    Questions that call a golden sample NG, or tell nothing, are dropped, and said. What is left becomes a new version
    of the line. Exit code 1 when that is nothing.
    """
    from inspector.adapters.ledger import FileEvidence
    from inspector.adapters.vlm import load
    from inspector.bootstrap.wiring import absolute, card_of
    from inspector.cli.tables.checklist import checklist_table
    from inspector.operations.write_checklist import ChecklistResources, write_checklist, write_file

    settings = absolute(read_settings(model=model))
    open_engine = partial(load, card_of(settings), settings.model.parent, settings.threads)
    resources = ChecklistResources(settings.database, FileEvidence(settings.evidence), open_engine)
    found = write_checklist(screen, resources, line, most=most, replace=replace, dry_run=dry_run)
    if as_json:
        print_json(found.as_json())
    else:
        Console().print(checklist_table(found))
    if write and found.kept:
        write_file(found, write)
        say(f"{write}: look at it, then inspector apply {write}")
    raise typer.Exit(0 if found.kept else 1)
