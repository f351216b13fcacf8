"""`inspector bench ledger`."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson
from inspector.cli.output import print_figures


def bench_ledger(
    parts: Annotated[int, typer.Option(help="Parts to record, from many callers at once.", min=100)] = 5000,
    listed: Annotated[int, typer.Option(help="Parts in the database while list queries are timed.", min=100)] = 20_000,
    url: Annotated[
        str | None, typer.Option(help="URL of an empty database of any kind. Default: a new SQLite file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure parts committed a second, and the time of list queries, in a separate database."""
    from inspector.adapters.ledger import measure_ledger
    from inspector.settings import sqlite_url

    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        database = url or sqlite_url(Path(folder) / "ledger.db")
        speed = asyncio.run(measure_ledger(database, parts=parts, listed=listed))
    print_figures(asdict(speed), as_json)
