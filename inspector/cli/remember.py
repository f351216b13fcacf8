"""`inspector remember`, with its table and its chart."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, LineArgument, read_settings
from inspector.cli.output import print_json, print_table, stderr_console
from inspector.cli.progress import progress_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from inspector.operations.remember import MemoryResult


def remember(
    line: LineArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the result and store nothing.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the chart: error by number of reviews.")] = None,
    as_json: AsJson = False,
) -> None:
    """Remember a line's reviewed parts, so that its view similar shows the model the most similar ones.

    Stores the memory and a new version of the line, which needs a qualification. Later reviews change no score until
    the line remembers again. Prints how often the most similar earlier part had the other label.
    """
    from inspector.bootstrap.evidence import open_evidence
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.remember import remember_line

    settings = absolute(read_settings())
    with progress_bars(stderr_console) as progress:
        evidence = open_evidence(settings)
        result = remember_line(settings.database, evidence, line, dry_run=dry_run, report=progress)
    if out:
        from inspector.lab.report_files import ReportFiles, json_text, write_report

        document = json_text(result.as_json())
        report: ReportFiles = {"memory.png": partial(draw_curve, result), "memory.json": document}
        write_report(report, out)
    if as_json:
        print_json(result.as_json())
    else:
        print_table(memory_table(result))


def memory_table(result: MemoryResult) -> Group:
    """The result for a terminal of 80 columns."""
    stored = f"version {result.version} is stored" if result.version else "nothing is stored"
    table = Table("reviews", "error", title="the most similar earlier part had the other label", title_justify="left")
    for point in result.curve:
        table.add_row(f"{point.reviews:,}", f"{point.balanced_error:.1%}")
    lines = [Text(f"{result.line}: {stored}", style="bold"), Text(f"remembers {result.ok} OK and {result.ng} NG parts")]
    if result.without_picture:
        lines.append(Text(f"{result.without_picture} reviewed part(s) have no stored picture any more"))
    if result.challenge:
        lines.append(Text(f"{result.challenge} reviewed part(s) are left out: they belong to the challenge set"))
    return Group(*lines, table) if result.curve else Group(*lines)


def draw_curve(result: MemoryResult, figure: Figure) -> None:
    """Draw the error of the most similar earlier part against the number of reviews."""
    axes = figure.subplots()
    axes.plot([point.reviews for point in result.curve], [point.balanced_error for point in result.curve], "o-")
    axes.set(xscale="log", ylim=(0.0, None), xlabel="reviewed parts", ylabel="balanced error", title=result.line)
