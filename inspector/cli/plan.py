"""`inspector plan`, with its table of ladders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.cli.options import PIPELINES, AsJson, LineArgument, PipelinesFolder, WritePath, read_database_url
from inspector.cli.output import print_json, print_status, print_table

if TYPE_CHECKING:
    from inspector.operations.compare_strategies import PartSource
    from inspector.operations.plan import LadderPlan
    from inspector.tuning.ladder_search import EvaluatedLadder

MAX_LADDERS_SHOWN: Final = 12


def plan(
    line: LineArgument,
    escape: Annotated[float, typer.Option(help="Highest share of NG parts that may pass.", min=0.0, max=1.0)] = 0.01,
    overkill: Annotated[
        float, typer.Option(help="Highest share of OK parts that may be rejected.", min=0.0, max=1.0)
    ] = 1.0,
    reviews: Annotated[
        float, typer.Option("--review", help="Highest share of parts that may go to REVIEW.", min=0.0, max=1.0)
    ] = 1.0,
    votes: Annotated[Path | None, typer.Option(help="Plan from the answers that inspector eval recorded here.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="With --votes: the labelled folder. Default: synthetic frames.")
    ] = None,
    frames: Annotated[int | None, typer.Option(help="With --votes: number of parts evaluated.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="With --votes: first seed of the synthetic frames.")] = 5000,
    pipelines: PipelinesFolder = PIPELINES,
    write: WritePath = None,
    out: Annotated[Path | None, typer.Option(help="Folder for plan.md, plan.json and plan.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the cheapest ladder and thresholds that are proved to keep a wanted escape share.

    A ladder is chosen by the upper 95 % bound of its escape share on half of the parts, and checked on the other half.

    Uses the line's reviewed parts whose whole ladder was asked (settle.shadow), or with [bold]--votes[/] the answers
    that [bold]inspector eval synthetic[/] or [bold]eval folder[/] recorded. The line itself does not change.
    """
    from inspector.lab.evaluation.plan_report import plan_report
    from inspector.lab.report_files import write_report
    from inspector.operations.plan import plan_line, plan_recorded, write_plan
    from inspector.tuning.ladder_search import RiskLimits

    limits = RiskLimits(escape, overkill, reviews)
    if votes is None:
        planned = plan_line(read_database_url(), line, limits)
    else:
        planned = plan_recorded(_source(line, folder, frames, seed, pipelines), votes, line, limits)
    for path in write_report(plan_report(planned.source, planned.advice), out) if out else []:
        print_status(str(path))
    if write:
        write_plan(planned, write)
        print_status(f"{write}: review this file, then run: inspector apply {write}")
    _print(planned, as_json)


def _print(planned: LadderPlan, as_json: bool) -> None:
    if as_json:
        print_json({"source": planned.source} | planned.advice.as_json())
    else:
        print_table(plan_table(planned))


def _source(line: str, folder: Path | None, frames: int | None, seed: int, pipelines: Path) -> PartSource:
    from inspector.operations.compare_strategies import folder_source, synthetic_source

    if folder is None:
        return synthetic_source(pipelines, frames=frames or 300, seed=seed)
    return folder_source(folder, pipelines, line=line, frames=frames)


def plan_table(planned: LadderPlan) -> Group:
    """The best ladders by rising cost, thinned to a screenful, then the result in sentences."""
    from inspector.lab.evaluation.plan_report import sentences

    advice = planned.advice
    step = max(1, -(-len(advice.front) // MAX_LADDERS_SHOWN))
    shown = advice.front[::step]
    hidden = len(advice.front) - len(shown)
    more = [Text(f"{hidden} more in --json and --out")] if hidden else []
    title = f"{planned.source}, {advice.ok} OK and {advice.ng} NG parts"
    result = (Text(sentence, style="bold") for sentence in sentences(advice))
    return Group(Text(title, style="bold"), _ladders(shown), *more, Text(), *result)


def _ladders(plans: Iterable[EvaluatedLadder]) -> Table:
    from inspector.lab.evaluation.plan_report import COLUMNS, cells

    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for place, column in enumerate(COLUMNS):
        table.add_column(column, justify="right" if place else "left")
    for each in plans:
        table.add_row(*cells(each))
    return table
