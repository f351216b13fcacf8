"""`inspector bench console`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_figures, print_status


def bench_console(
    parts: Annotated[int, typer.Option(help="Parts in the ledger.", min=1000)] = 20_000,
    answers: Annotated[int, typer.Option(help="Parts to answer by keys.", min=2)] = 40,
    tabs: Annotated[int, typer.Option(help="Tabs that are open at a time.", min=1)] = 20,
    rate: Annotated[float, typer.Option(help="Parts a second that the line records meanwhile.", min=0.1)] = 30.0,
    seconds: Annotated[float, typer.Option(help="For how long the tabs are open.", min=1)] = 30.0,
    chromium: Annotated[Path, typer.Option(help="Chromium's program.")] = Path("/usr/bin/chromium"),
    as_json: AsJson = False,
) -> None:
    """Measure the console's pages in Chromium: first load, cold list, next picture, light off, cost of many tabs.

    Needs Chromium, the package playwright, and the built pages. Fills a separate database first.
    """
    from inspector.operations.bench_console import ConsoleLoad, measure_console

    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        settings = read_settings().apart(Path(folder))
        load = ConsoleLoad(parts, answers, tabs, rate, seconds)
        figures = measure_console(settings, load, chromium, print_status)
    print_figures(figures, as_json=as_json)
