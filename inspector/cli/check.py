"""`inspector check`, with its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from inspector.cli.options import AsJson, ModelCardPath, read_settings
from inspector.cli.output import escaped, print_json, print_table

if TYPE_CHECKING:
    from inspector.operations.check import CheckResult


def check(
    model: ModelCardPath = None,
    ask: Annotated[bool, typer.Option("--ask", help="Also ask the model one question; loads it if needed.")] = False,
    frame_mb: Annotated[
        float | None, typer.Option("--frame-mb", help="Also check that the broker carries frames of this many MB.")
    ] = None,
    frame_rate: Annotated[
        float, typer.Option("--frame-rate", help="Frames a second of --frame-mb, all cameras together.", min=0.1)
    ] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Check disk, database, broker, model, GPU and ports. Exits 1 if any check fails.

    Each failed check names its remedy.
    """
    from inspector.operations.check import FrameLoad, run_checks
    from inspector.operations.check import as_json as results_json

    frames = None if frame_mb is None else FrameLoad(frame_mb, frame_rate)
    results = run_checks(read_settings(model=model), ask=ask, frames=frames)
    if as_json:
        print_json(results_json(results))
    else:
        print_table(_table(results))
    raise typer.Exit(0 if all(result.ok for result in results) else 1)


def _table(results: list[CheckResult]) -> Table:
    table = Table("", "check", "found", "remedy")
    for result in results:
        mark = "[green]ok[/]" if result.ok else "[red]failed[/]"
        table.add_row(mark, result.check, escaped(result.found), escaped(result.remedy))
    return table
