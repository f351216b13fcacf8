"""`inspector eval mmad`, with its tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, ModelCardPath, VotesPath, read_settings
from inspector.cli.output import print_json, print_status, print_table, stderr_console
from inspector.cli.progress import progress_bars
from inspector.lab.evaluation.mmad.items import MmadWording

if TYPE_CHECKING:
    from inspector.lab.evaluation.mmad.report import StrategyResult
    from inspector.lab.evaluation.mmad.scores import ScoreTable
    from inspector.operations.eval_mmad import MmadEvaluation

STRATEGIES_HELP: Final = (
    "single, text, sampled-N, majority-N, weighted-N or adaptive-N. Repeatable. Default: single and majority-3."
)


def eval_mmad(
    root: Annotated[Path, typer.Option(help="Folder with mmad.json, DS-MVTec, MVTec-LOCO, VisA and GoodsAD.")],
    shots: Annotated[int, typer.Option(help="Pictures of normal parts shown with each picture.", min=0, max=8)] = 1,
    strategy: Annotated[list[str] | None, typer.Option(help=STRATEGIES_HELP)] = None,
    similar_templates: Annotated[
        bool, typer.Option("--similar-templates", help="Show the most similar normal parts instead of random ones.")
    ] = False,
    domain_knowledge: Annotated[
        Path | None, typer.Option(help="The benchmark's domain_knowledge.json, to be shown with each question.")
    ] = None,
    wording: Annotated[
        MmadWording, typer.Option(help="Whose sentences the questions are asked in: ours, or the benchmark's.")
    ] = MmadWording.OWN,
    model: ModelCardPath = None,
    votes: VotesPath = None,
    limit: Annotated[
        int | None, typer.Option(help="At most this many good and this many NG pictures of each data set.", min=1)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for mmad.json and mmad.md.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on MMAD, the public inspection benchmark, next to the published figures. Resumable.

    Download the benchmark yourself: its pictures have licences of their own.
    """
    from inspector.adapters.vlm import load
    from inspector.bootstrap.from_settings import card_of
    from inspector.lab.evaluation.mmad.item_reader import Templates
    from inspector.lab.evaluation.mmad.report import mmad_report
    from inspector.lab.report_files import write_report
    from inspector.operations.eval_mmad import DEFAULT_STRATEGIES, MmadSettings, evaluate_mmad

    settings = read_settings(model=model)
    card = card_of(settings)
    templates = Templates.SIMILAR if similar_templates else Templates.RANDOM
    wanted = MmadSettings(root, shots, strategy or DEFAULT_STRATEGIES, limit, templates, domain_knowledge, wording)
    open_engine = partial(load, card, settings.model.parent, settings.threads)
    with progress_bars(stderr_console) as progress:
        evaluation = evaluate_mmad(wanted, open_engine, votes or settings.data / "mmad-votes.jsonl", progress)
    report = mmad_report(f"{card.name} on MMAD, {shots}-shot", evaluation.document, evaluation.results)
    for path in write_report(report, out) if out else []:
        print_status(str(path))
    _print(evaluation, as_json)


def _print(evaluation: MmadEvaluation, as_json: bool) -> None:
    if as_json:
        print_json(evaluation.document)
    else:
        print_table(mmad_tables(evaluation.results))


def mmad_tables(results: Sequence[StrategyResult]) -> Group:
    """All tables, measured ones first, for a terminal of 80 columns."""
    from inspector.lab.evaluation.mmad.report import NOTE, titled_tables

    titled = ((Text(title, style="bold"), _table(rows)) for title, rows in titled_tables(results))
    return Group(*(part for pair in titled for part in pair), Text(NOTE))


def _table(rows: ScoreTable) -> Table:
    from inspector.lab.evaluation.mmad.report import COLUMNS, cells

    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("data set", no_wrap=True)
    for title in COLUMNS.values():
        table.add_column(title, justify="right", min_width=5)
    for name, row in rows.items():
        table.add_row(name, *cells(row))
    return table
