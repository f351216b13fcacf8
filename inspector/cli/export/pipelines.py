"""`inspector export pipelines`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import read_settings
from inspector.cli.output import print_status


def export_pipelines(folder: Annotated[Path, typer.Argument(help="Folder to write to.")]) -> None:
    """Export the live version of every line, with its golden samples, as files for [bold]inspector apply[/]."""
    from inspector.adapters.ledger import SqlArchive
    from inspector.bootstrap.evidence import open_evidence
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.export import write_pipelines

    settings = absolute(read_settings())
    for path in write_pipelines(SqlArchive(settings.database), open_evidence(settings), folder):
        print_status(str(path))
