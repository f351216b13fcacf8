"""`inspector bench api`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_figures, print_json, print_status, print_table

SHOWN = ("count", "p50_ms", "p95_ms", "p99_ms", "max_ms", "first_ms")


def bench_api(
    parts: Annotated[int, typer.Option(help="Parts in the ledger.", min=1000)] = 1_000_000,
    clients: Annotated[int, typer.Option(help="People with a page open, each with a stream.", min=1)] = 20,
    seconds: Annotated[float, typer.Option(help="For how long they ask.", min=1)] = 60.0,
    pause: Annotated[float, typer.Option(help="Seconds between two questions of one client.", min=0)] = 1.0,
    rate: Annotated[float, typer.Option(help="Parts a second that the line records meanwhile.", min=0.1)] = 30.0,
    url: Annotated[
        str | None, typer.Option(help="URL of an empty database of any kind. Default: a new SQLite file.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Keep the filled ledger here; the next run measures it again. Default: deleted afterwards."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the GETs that pages make, over a large ledger, with streams open and a line that goes on.

    Fills a separate database first, which takes minutes for a million parts.
    """
    from inspector.operations.bench_api import ApiLoad, measure_api

    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as passing:
        data = folder or Path(passing)
        data.mkdir(parents=True, exist_ok=True)
        settings = read_settings().apart(data, database_url=url or "")
        figures = measure_api(settings, parts, ApiLoad(clients, seconds, pause, rate), print_status)
    if as_json:
        print_json(figures)
        return
    _print_gets(figures)


def _print_gets(figures: dict[str, Any]) -> None:
    table = Table("get", *SHOWN)
    for each in figures["gets"]:
        table.add_row(each["get"], *(str(each[name]) for name in SHOWN))
    print_table(table)
    print_figures({name: value for name, value in figures.items() if name != "gets"}, as_json=False)
