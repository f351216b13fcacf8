"""`inspector eval synthetic`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.eval.strategy_comparison import compare
from inspector.cli.options import PIPELINES, AsJson, PipelinesFolder, Strategies, VotesPath, read_settings
from inspector.cli.output import screen, show_figures


def eval_synthetic(
    frames: Annotated[int, typer.Option(help="How many frames, half of them NG.", min=12)] = 300,
    seed: Annotated[int, typer.Option(help="First seed of the frames; training uses none below 1,000,000.")] = 5000,
    card: Annotated[Path, typer.Option("--model", help="The model card.")] = Path("models/demo.yaml"),
    pipelines: PipelinesFolder = PIPELINES,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 2,
    strategy: Strategies = None,
    votes: VotesPath = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the tables and plots.")] = None,
    as_json: AsJson = False,
) -> None:
    """The embedded model on drawn frames that it never saw: accuracy, calibration, boxes, robustness, limits.

    With [bold]--strategy[/]: ways of asking side by side, on the same recorded answers. Resumable.
    """
    if strategy:
        from inspector.operations.compare_strategies import ComparisonSettings, synthetic_source

        kept = votes or read_settings().data / "votes" / "synthetic.jsonl"
        compare(
            synthetic_source(pipelines, frames=frames, seed=seed),
            ComparisonSettings(card, strategy, kept, threads),
            out,
            as_json,
        )
        return
    from inspector.operations.train_and_measure import evaluate_synthetic

    found = evaluate_synthetic(screen, card, pipelines, frames=frames, seed=seed, threads=threads, out=out)
    show_figures(found, as_json)
