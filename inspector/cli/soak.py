"""`inspector soak`, with its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from rich.console import Group
from rich.table import Table

from inspector.cli.options import AsJson, Seed
from inspector.cli.output import print_json, print_status, print_table

CAPTION: Final = (
    "/min: change after the warm-up, with its 95 % interval. Processes of Ray and the broker count as growing from "
    "5 % on."
)


def soak(
    minutes: Annotated[float, typer.Option(help="Minutes that the line runs.", min=0.2, max=100_000.0)] = 30.0,
    rate: Annotated[float, typer.Option(help="Frames a second.", min=0.5, max=1000.0)] = 34.0,
    replicas: Annotated[int, typer.Option(help="Model replicas.", min=1)] = 1,
    seed: Seed = 1,
    database: Annotated[
        Literal["sqlite", "postgresql"], typer.Option(help="Database of the ledger; a new one is created.")
    ] = "sqlite",
    model: Annotated[Path | None, typer.Option("--model", help="Model card. Default: a stub engine.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="New or empty folder that keeps databases and logs. Default: a temporary one.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="PNG file to draw the run into.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove on this machine that nothing grows while the product runs for a long time.

    Starts a broker, a service, a simulated line and a person in the console of its own; your installation is not
    touched. Samples memory, handles and threads of every process, latency, database, pictures and logs. Exits 1 if
    something grows, a file exceeds its limit, or a frame has no verdict.
    """
    from inspector.operations.soak import SoakOptions, soak_test

    options = SoakOptions(
        minutes, rate, replicas, seed, database, model and model.absolute(), folder, plot and plot.absolute()
    )
    result = soak_test(options, print_status)
    if as_json:
        print_json(result)
    else:
        print_table(Group(_processes(result), _minutes(result), _files(result)))
        for problem in result["problems"]:
            print_status(problem)
    raise typer.Exit(0 if result["flat"] else 1)


def _table(*columns: str, **options: Any) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", **options)
    for place, title in enumerate(columns):
        table.add_column(title, justify="right" if place else "left", no_wrap=not place)
    return table


def _processes(result: dict[str, Any]) -> Table:
    """One row per process."""
    table = _table("process", "MiB", "MiB/min", "handles", "/min", "threads", "/min", caption=CAPTION)
    for row in result["processes"]:
        cells = [
            cell for measure, value in row["at_end"].items() for cell in (f"{value:g}", _slope(row["trends"][measure]))
        ]
        table.add_row(row["name"] if row["is_own"] else f"[dim]{row['name']}[/]", *cells)
    return table


def _slope(trend: dict[str, Any] | None) -> str:
    if trend is None:
        return "-"
    half = (trend["upper_per_min"] - trend["lower_per_min"]) / 2.0
    text = f"{trend['slope_per_min']:+.2f} ±{half:.2f}"
    return f"[red]{text}[/]" if trend["flat"] is False else text


def _minutes(result: dict[str, Any]) -> Table:
    """One row per minute."""
    table = _table("minute", "parts", "p50 ms", "p99 ms")
    for row in result["latency"]["by_minute"]:
        table.add_row(*(f"{value:g}" for value in row.values()))
    return table


def _files(result: dict[str, Any]) -> Table:
    """What the files take, and what people waited for."""
    database, evidence, logs, people = (result[name] for name in ("database", "evidence", "logs", "people"))
    table = _table("files and people", "")
    table.add_row("frames, verdicts, late", f"{result['frames']}, {result['verdicts']}, {result['late']}")
    table.add_row("database, MiB", f"{database['mib']:g}")
    table.add_row("bytes a part, first and second half", ", ".join(str(each) for each in database["bytes_a_part"]))
    table.add_row("pictures, MiB", f"{evidence['mib']:g}")
    table.add_row("written, removed by retention", f"{evidence['written_mib']:g}, {evidence['removed_mib']:g}")
    table.add_row("pictures that stay too long", f"{evidence['overdue_pictures']}")
    table.add_row("logs of one process, limit", f"{logs['largest_process_mib']:g}, {logs['limit_mib']:g}")
    table.add_row("old log files", f"{logs['rotated_files']}")
    table.add_row("requests to the API, p50, p99 ms", f"{people['requests']}, {people['p50_ms']}, {people['p99_ms']}")
    return table
