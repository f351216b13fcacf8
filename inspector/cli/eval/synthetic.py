"""`inspector eval synthetic`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.eval.strategy_comparison import print_comparison
from inspector.cli.options import PIPELINES, AsJson, PipelinesFolder, Strategies, Threads, VotesPath, read_settings
from inspector.cli.output import print_figures, stderr_console
from inspector.cli.progress import progress_bars


def eval_synthetic(
    frames: Annotated[int, typer.Option(help="Number of frames, half of them NG.", min=12)] = 300,
    seed: Annotated[int, typer.Option(help="Seed of the first frame; training uses none below 1,000,000.")] = 5000,
    card: Annotated[Path, typer.Option("--model", help="Model card.")] = Path("models/demo.yaml"),
    pipelines: PipelinesFolder = PIPELINES,
    threads: Threads = 2,
    strategy: Strategies = None,
    votes: VotesPath = None,
    out: Annotated[Path | None, typer.Option(help="Folder for tables and charts.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on synthetic frames it never saw: accuracy, calibration, boxes, robustness, limits.

    With [bold]--strategy[/]: compare strategies of asking on the same recorded answers. Resumable.
    """
    if strategy:
        from inspector.operations.compare_strategies import ComparisonSettings, synthetic_source

        recordings = votes or read_settings().data / "votes" / "synthetic.jsonl"
        source = synthetic_source(pipelines, frames=frames, seed=seed)
        print_comparison(source, ComparisonSettings(card, strategy, recordings, threads), out, as_json)
        return
    from inspector.operations.eval_synthetic import evaluate_synthetic

    with progress_bars(stderr_console) as progress:
        figures = evaluate_synthetic(
            card, pipelines, frames=frames, seed=seed, threads=threads, out=out, progress=progress
        )
    print_figures(figures, as_json)
