"""`inspector price`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import PIPELINES, AsJson, read_settings
from inspector.cli.output import print_json, print_status, print_table


def price(
    path: Annotated[Path, typer.Argument(help="Pipeline file, or a folder of them.")] = PIPELINES,
    as_json: AsJson = False,
) -> None:
    """Show what changed pipeline files would do to the stored parts of their lines. Stores nothing.

    Parts that people called NG and that would newly pass are listed; [bold]inspector apply[/] refuses them.
    """
    from inspector.bootstrap.evidence import open_evidence
    from inspector.bootstrap.from_settings import absolute
    from inspector.cli.tables.price import price_view
    from inspector.operations.apply import plan_changes, read_pipelines
    from inspector.operations.change_price import price_changes

    settings = absolute(read_settings())
    changes = plan_changes(read_pipelines(path), settings.database, open_evidence(settings))
    prices = price_changes(changes, settings.database)
    if as_json:
        print_json([each.as_json() for each in prices])
        return
    if not prices:
        print_status("nothing to price: no file changes a line that is declared already")
    for each in prices:
        print_status(each.line)
        print_table(price_view(each))
