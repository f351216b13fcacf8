"""`inspector bench ledger`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import AsJson
from inspector.cli.output import show_figures


def bench_ledger(
    parts: Annotated[int, typer.Option(help="Parts recorded by many callers at once.", min=100)] = 5000,
    listed: Annotated[int, typer.Option(help="Parts in the database when lists are timed.", min=100)] = 20_000,
    url: Annotated[str | None, typer.Option(help="An empty database of any kind; default: a new SQLite file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Parts a second that the ledger makes durable, and how long lists take, in a database of its own."""
    import asyncio
    import tempfile
    from dataclasses import asdict

    from inspector.adapters.ledger import measure_ledger

    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        database = url or f"sqlite:///{folder}/ledger.db"
        speed = asyncio.run(measure_ledger(database, parts=parts, listed=listed))
    show_figures(asdict(speed), as_json)
