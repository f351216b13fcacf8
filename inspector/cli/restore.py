"""`inspector restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import say, show_figures


def restore(
    file: Annotated[Path, typer.Argument(help="A file that inspector backup made.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the ledger that is there, for good.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a backup back, into SQLite or PostgreSQL, whichever it came from. Stop the service first.

    A damaged backup changes nothing; a ledger that holds anything is replaced only with --force.
    """
    from inspector.adapters.ledger import FileEvidence
    from inspector.bootstrap.wiring import absolute
    from inspector.operations.restore import restore as read

    settings = absolute(read_settings())
    show_figures(read(file, settings.database, FileEvidence(settings.evidence), force=force, say=say), as_json)
