"""`inspector db upgrade`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_json, print_status


def db_upgrade(
    pipelines: Annotated[
        Path | None, typer.Option(help="Folder of lines that are applied to a ledger without lines.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Upgrade the database to this program's schema. Refuses a database of a newer program."""
    from inspector.adapters.ledger import masked_url, schema_state, upgrade
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.service import apply_first_pipelines

    settings = absolute(read_settings())
    settings.data.mkdir(parents=True, exist_ok=True)
    before, _ = schema_state(settings.database)
    upgrade(settings.database)
    if pipelines is not None:
        apply_first_pipelines(settings, pipelines)
    after, _ = schema_state(settings.database)
    if as_json:
        print_json({"database": masked_url(settings.database), "before": before, "after": after})
    else:
        print_status(f"{masked_url(settings.database)}: {before or 'empty'} → {after}")
