"""`inspector eval folder`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.eval.strategy_comparison import compare
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
    path: Annotated[Path, typer.Argument(help="Folder with labels.csv (image,verdict,…) and the pictures it names.")],
    line: Annotated[str | None, typer.Option(help="The line that judges; default: the folder's name.")] = None,
    frames: Annotated[int | None, typer.Option(help="How many, spread evenly; default: all.", min=1)] = None,
    strategy: Strategies = None,
    model: ModelCardPath = None,
    pipelines: PipelinesFolder = PIPELINES,
    votes: VotesPath = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.md, report.json and the plots.")] = None,
    as_json: AsJson = False,
) -> None:
    """A model on a labelled folder: ways of asking side by side, on the same recorded answers. Resumable.

    Everything is asked once and kept; other strategies, thresholds or stopping rules are then played on those answers.
    """
    from inspector.operations.compare_strategies import ComparisonSettings, folder_source

    settings = read_settings(model=model)
    source = folder_source(path, pipelines, line=line, frames=frames)
    kept = votes or settings.data / "votes" / f"{line or path.resolve().name}.jsonl"
    compare(source, ComparisonSettings(settings.model, strategy or [], kept, settings.threads), out, as_json)
