"""`inspector export pipelines`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import read_settings
from inspector.cli.output import say


def export_pipelines(folder: Annotated[Path, typer.Argument(help="Folder to write YAML files to.")]) -> None:
    """The live version of every line, as files that `inspector apply` takes."""
    from inspector.adapters.ledger import SqlArchive
    from inspector.bootstrap.wiring import absolute
    from inspector.operations.export import write_pipelines

    for path in write_pipelines(SqlArchive(absolute(read_settings()).database), folder):
        say(str(path))
