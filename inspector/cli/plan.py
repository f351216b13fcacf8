"""`inspector plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from inspector.cli.options import PIPELINES, AsJson, PipelinesFolder, read_settings
from inspector.cli.output import print_json, say

if TYPE_CHECKING:
    from inspector.operations.compare_strategies import PartSource


def plan(
    line: Annotated[str, typer.Argument(help="The line.")],
    escape: Annotated[float, typer.Option(help="NG parts that may pass, as a share.", min=0.0, max=1.0)] = 0.01,
    overkill: Annotated[float, typer.Option(help="OK parts that may be rejected.", min=0.0, max=1.0)] = 1.0,
    reviews: Annotated[float, typer.Option("--review", help="Parts that may go to REVIEW.", min=0.0, max=1.0)] = 1.0,
    votes: Annotated[Path | None, typer.Option(help="Plan from answers that inspector eval kept in this file.")] = None,
    folder: Annotated[Path | None, typer.Option(help="With --votes: their labelled folder; default: drawn.")] = None,
    frames: Annotated[int | None, typer.Option(help="With --votes: how many parts were asked about.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="With --votes: first seed of the drawn frames.")] = 5000,
    pipelines: PipelinesFolder = PIPELINES,
    write: Annotated[Path | None, typer.Option(help="Pipeline file to write, to be looked at and applied.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for plan.md, plan.json and plan.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the ladder and thresholds that are cheapest at a wanted escape level, and what no other ladder beats.

    From the line's reviewed parts whose whole ladder was asked (settle.shadow), or with [bold]--votes[/] from answers
    that [bold]inspector eval synthetic[/] or [bold]eval folder[/] recorded. Changes nothing by itself.
    """
    from inspector.bootstrap.wiring import absolute
    from inspector.cli.tables.plan import plan_table
    from inspector.lab.evaluation.plan_report import write_page
    from inspector.operations.plan import plan_line, plan_recorded, write_plan
    from inspector.tuning.ladder_search import RiskLimits

    limits = RiskLimits(escape, overkill, reviews)
    if votes is None:
        planned = plan_line(absolute(read_settings()).database, line, limits)
    else:
        planned = plan_recorded(_recorded(line, folder, frames, seed, pipelines), votes, line, limits)
    for path in write_page(planned.source, planned.advice, out) if out else []:
        say(str(path))
    if write:
        write_plan(planned, write)
        say(f"{write}: look at it, then inspector apply {write}")
    if as_json:
        print_json({"source": planned.source} | planned.advice.as_json())
    else:
        Console().print(plan_table(planned))


def _recorded(line: str, folder: Path | None, frames: int | None, seed: int, pipelines: Path) -> PartSource:
    from inspector.operations import compare_strategies as evaluating

    if folder is None:
        return evaluating.synthetic_source(pipelines, frames=frames or 300, seed=seed)
    return evaluating.folder_source(folder, pipelines, line=line, frames=frames)
