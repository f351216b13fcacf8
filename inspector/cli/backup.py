"""`inspector backup`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import say, show_figures


def backup(
    to: Annotated[Path, typer.Argument(help="A new file (.tar), or a folder to put one into.")],
    pictures: Annotated[bool, typer.Option(help="With the pictures, or the database alone.")] = True,
    as_json: AsJson = False,
) -> None:
    """Copy ledger and pictures, as they are at one moment, into one file with checksums. The service may run on.

    Exit code 1 when pictures that the ledger names are missing; the rest is in the backup all the same.
    """
    from inspector.adapters.ledger import FileEvidence
    from inspector.bootstrap.wiring import absolute
    from inspector.operations.backup import backup as write

    settings = absolute(read_settings())
    made = write(settings.database, FileEvidence(settings.evidence), to, pictures=pictures, say=say)
    show_figures(made, as_json)
    raise typer.Exit(1 if made["missing_pictures"] else 0)
