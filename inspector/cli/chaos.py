"""`inspector chaos`, with its table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from rich.table import Table

from inspector.cli.options import AsJson, Seed
from inspector.cli.output import print_json, print_status, print_table
from inspector.lab.chaos.schedule import EACH_FAULT

COLUMNS: Final = {
    "strikes": "hits",
    "frames": "frames",
    "verdicts": "verdicts",
    "lost": "lost",
    "decided_twice": "twice",
    "published_twice": "again",
    "wrong_pass": "wrong\nPASS",
    "late": "late",
    "unjudged": "not\njudged",
    "late_pass": "late\nPASS",
    "longest_gap_s": "gap s",
    "longest_recovery_s": "back s",
}
CAPTION: Final = (
    "twice: decided twice; again: the same verdict published again; gap: the longest time without a verdict; back: the "
    "longest recovery"
)
FAILURES: Final = ("lost", "decided_twice", "wrong_pass", "late_pass")
FAULTS_HELP: Final = "Faults to inject, separated by commas. relay means station: the outbox runs in that process."
DURATION_HELP: Final = "Seconds over which the faults are spread. Default: 4 for each."


def chaos(
    faults: Annotated[str, typer.Option(help=FAULTS_HELP)] = ",".join(EACH_FAULT),
    kills: Annotated[int, typer.Option(help="How often each fault is injected.", min=1)] = 1,
    duration: Annotated[float | None, typer.Option(help=DURATION_HELP, min=1.0)] = None,
    rate: Annotated[float, typer.Option(help="Frames a second.", min=0.5, max=1000.0)] = 8.0,
    seed: Seed = 1,
    replicas: Annotated[int, typer.Option(help="Model replicas.", min=1)] = 2,
    deadline: Annotated[float, typer.Option(help="Milliseconds from capture to the gate.", min=50.0)] = 15_000.0,
    database: Annotated[
        Literal["sqlite", "postgresql"], typer.Option(help="Database of the ledger; a new one is created.")
    ] = "sqlite",
    model: Annotated[Path | None, typer.Option("--model", help="Model card. Default: a stub engine.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="New or empty folder that keeps databases and logs. Default: a temporary one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove on this machine that no part is lost while processes are killed.

    Starts a broker, a service and a simulated line of its own; your installation is not touched. Exits 1 if a part was
    lost without a record or decided twice, if a PASS was wrong or late, if the books do not agree, or if a hostile
    camera made another one's parts late. Full form: [bold]inspector chaos --kills 20 --rate 60[/]
    """
    from inspector.lab.chaos.schedule import default_duration_s, parse_faults
    from inspector.lab.chaos.testbed import RunOptions
    from inspector.operations.chaos import chaos_test

    try:
        wanted = parse_faults(faults)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--faults") from error
    duration_s = duration or default_duration_s(wanted, kills)
    options = RunOptions(wanted, kills, duration_s, seed, rate, replicas, deadline, model and model.absolute())
    result = chaos_test(options, database, folder, print_status)
    if as_json:
        print_json(result)
    else:
        print_table(_table(result))
        for problem in (*result["books"]["problems"], *result["attacks"]):
            print_status(problem)
    raise typer.Exit(0 if result["clean"] else 1)


def _table(result: dict[str, Any]) -> Table:
    """One row per fault, and their total."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", caption=CAPTION, caption_justify="left")
    table.add_column("fault", no_wrap=True)
    for title in COLUMNS.values():
        table.add_column(title, justify="right")
    for fault, counts in result["faults"].items():
        table.add_row(fault, *(_cell(column, counts.get(column)) for column in COLUMNS))
    table.add_section()
    table.add_row("all", *(_cell(column, result.get(column)) for column in COLUMNS))
    return table


def _cell(column: str, value: Any) -> str:
    text = "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
    return f"[red]{text}[/]" if column in FAILURES and value else text
