"""`inspector eval folder`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.eval.strategy_comparison import print_comparison
from inspector.cli.options import (
    PIPELINES,
    AsJson,
    ModelCardPath,
    PipelinesFolder,
    Strategies,
    VotesPath,
    read_settings,
)


def eval_folder(
    path: Annotated[Path, typer.Argument(help="Folder with labels.csv (image,verdict,…) and its pictures.")],
    line: Annotated[
        str | None, typer.Option(help="Line that inspects the pictures. Default: the folder's name.")
    ] = None,
    frames: Annotated[int | None, typer.Option(help="Number of pictures, spread evenly. Default: all.", min=1)] = None,
    strategy: Strategies = None,
    model: ModelCardPath = None,
    pipelines: PipelinesFolder = PIPELINES,
    votes: VotesPath = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.md, report.json and the charts.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare strategies of asking a model on a labelled folder. Resumable.

    The model answers every question once, and the answers are recorded. Strategies, thresholds and stopping rules are
    replayed on the recorded answers.
    """
    from inspector.operations.compare_strategies import ComparisonSettings, folder_source

    settings = read_settings(model=model)
    source = folder_source(path, pipelines, line=line, frames=frames)
    recordings = votes or settings.data / "votes" / f"{line or path.resolve().name}.jsonl"
    print_comparison(
        source, ComparisonSettings(settings.model, strategy or [], recordings, settings.threads), out, as_json
    )
