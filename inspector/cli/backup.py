"""`inspector backup`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_figures, print_status


def backup(
    to: Annotated[Path, typer.Argument(help="New .tar file, or a folder to create it in.")],
    pictures: Annotated[bool, typer.Option(help="Include the pictures, or only the database.")] = True,
    as_json: AsJson = False,
) -> None:
    """Copy ledger and pictures, as of one moment, into one file with checksums.

    The service may keep running. Exits 1 if pictures that the ledger names are missing; the backup holds all others.
    """
    from inspector.bootstrap.evidence import open_evidence
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.backup import write_backup

    settings = absolute(read_settings())
    evidence = open_evidence(settings)
    written = write_backup(settings.database, evidence, to, pictures=pictures, notify=print_status)
    print_figures(written, as_json)
    raise typer.Exit(1 if written["missing_pictures"] else 0)
