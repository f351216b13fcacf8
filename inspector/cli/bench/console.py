"""`inspector bench console`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_figures, print_status


def bench_console(
    parts: Annotated[int, typer.Option(help="Parts of each of three lines in the ledger.", min=1000)] = 20_000,
    answers: Annotated[int, typer.Option(help="Parts to answer by keys.", min=2)] = 40,
    steps: Annotated[int, typer.Option(help="Steps of each limit by keys.", min=2)] = 50,
    tabs: Annotated[int, typer.Option(help="Tabs that are open at a time.", min=1)] = 20,
    rate: Annotated[float, typer.Option(help="Parts a second that the line records meanwhile.", min=0.1)] = 30.0,
    seconds: Annotated[float, typer.Option(help="For how long the tabs are open.", min=1)] = 30.0,
    chromium: Annotated[Path, typer.Option(help="Chromium's program.")] = Path("/usr/bin/chromium"),
    as_json: AsJson = False,
) -> None:
    """Measure the console's pages in Chromium: first load, cold list, next picture, tuning, light, many tabs.

    Then runs the service with a stub engine, connects a camera and rolls a version back. Needs Chromium, the package
    playwright, the built pages, and mosquitto. Fills a separate database first.
    """
    from inspector.operations.bench_console import ConsoleLoad, measure_console

    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        settings = read_settings().apart(Path(folder))
        load = ConsoleLoad(parts, answers, steps, tabs, rate, seconds)
        figures = measure_console(settings, load, chromium, print_status)
    print_figures(figures, as_json=as_json)
