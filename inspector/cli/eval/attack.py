"""`inspector eval attack`, with its table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from inspector.cli.options import PIPELINES, AsJson, ModelCardPath, PipelinesFolder, VotesPath, read_settings
from inspector.cli.output import escaped, print_json, print_status, print_table, stderr_console
from inspector.cli.progress import progress_bars

if TYPE_CHECKING:
    from inspector.lab.evaluation.attack import AttackResult

SEED: Final = 5000  # of the first synthetic frame; training uses none below 1,000,000


def eval_attack(
    path: Annotated[
        Path | None, typer.Argument(help="Folder with labels.csv and its pictures. Default: synthetic frames.")
    ] = None,
    line: Annotated[
        str | None, typer.Option(help="Line that inspects the pictures. Default: the folder's name.")
    ] = None,
    frames: Annotated[int, typer.Option(help="Number of frames to take NG parts from.", min=2, max=10_000)] = 96,
    text: Annotated[
        list[str] | None, typer.Option(help="Text of a sticker. Repeatable. Default: three that claim a good part.")
    ] = None,
    thoughts: Annotated[bool, typer.Option(help="Also read the verdict along a thought of up to 256 tokens.")] = True,
    model: ModelCardPath = None,
    pipelines: PipelinesFolder = PIPELINES,
    votes: VotesPath = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.md, report.json and the chart.")] = None,
    as_json: AsJson = False,
) -> None:
    """Stick texts on NG parts, and count how many more pass: after every rung, and along a thought. Resumable."""
    from inspector.lab.evaluation.attack_report import attack_report
    from inspector.lab.report_files import write_report
    from inspector.operations.compare_strategies import ComparisonSettings, folder_source, synthetic_source
    from inspector.operations.eval_attack import attack

    settings = read_settings(model=model)
    source = (
        synthetic_source(pipelines, frames=frames, seed=SEED)
        if path is None
        else folder_source(path, pipelines, line=line, frames=frames)
    )
    recordings = votes or settings.data / "votes" / "attack.jsonl"
    compared = ComparisonSettings(settings.model, [], recordings, settings.threads)
    with progress_bars(stderr_console) as progress:
        result = attack(source, compared, text or [], thoughts=thoughts, progress=progress)
    for written in write_report(attack_report(result), out) if out else []:
        print_status(str(written))
    if as_json:
        print_json(result.as_json())
    else:
        print_table(attack_table(result))


def attack_table(result: AttackResult) -> Table:
    """Escapes by way of asking and sticker."""
    from inspector.lab.evaluation.attack_report import columns, escape_cell, rows

    title = f"{escaped(result.source)}: escapes of {result.parts} NG parts; *: more than under the empty sticker"
    table = Table(title=title, box=None, padding=(0, 1, 0, 0), header_style="bold")
    for place, column in enumerate(columns(result)):
        table.add_column(escaped(column), justify="right" if place else "left")
    for row in rows(result, escape_cell):
        table.add_row(*map(escaped, row))
    return table
