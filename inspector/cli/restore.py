"""`inspector restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_figures, print_status


def restore(
    file: Annotated[Path, typer.Argument(help="File that inspector backup wrote.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the existing ledger. This cannot be undone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into SQLite or PostgreSQL, whichever it came from. Stop the service first.

    A damaged backup changes nothing. Only --force replaces a ledger that already holds data.
    """
    from inspector.bootstrap.evidence import open_evidence
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.restore import restore_backup

    settings = absolute(read_settings())
    evidence = open_evidence(settings)
    print_figures(restore_backup(file, settings.database, evidence, force=force, notify=print_status), as_json)
