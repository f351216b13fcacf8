"""`inspector eval folder`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from inspector.cli.eval.strategy_comparison import print_comparison
from inspector.cli.eval.taught_curve import print_taught
from inspector.cli.options import (
    PIPELINES,
    AsJson,
    Backbones,
    ModelCardPath,
    PipelinesFolder,
    Strategies,
    VotesPath,
    read_settings,
)

MAX_COUNT_DIGITS: Final = 7  # of a number of parts
TEACH_FROM_HELP: Final = "Labelled folder to teach the line with; the taught models are measured on PATH."


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
    teach_from: Annotated[Path | None, typer.Option(help=TEACH_FROM_HELP)] = None,
    teach: Annotated[str, typer.Option(help="Numbers of NG parts to teach with, with commas between.")] = "0,3,10,30",
    golden: Annotated[
        int | None, typer.Option(help="Number of golden samples among the good parts. Default: all, up to 64.", min=2)
    ] = None,
    backbone: Backbones = None,
    as_json: AsJson = False,
) -> None:
    """Compare strategies of asking a model on a labelled folder. Resumable.

    The model answers every question once, and the answers are recorded. Strategies, thresholds and stopping rules are
    replayed on the recorded answers. With --teach-from only taught models are measured, unless strategies are named.
    """
    taught, settings = None, read_settings(model=model)
    if teach_from is not None:
        curve = (teach_from, _counts(teach), golden)
        as_document = as_json and not strategy
        taught = print_taught(path, line, pipelines, curve, backbone or [], settings, out, as_json=as_document)
        if not strategy:
            return
    from inspector.operations.compare_strategies import ComparisonSettings, folder_source

    source = folder_source(path, pipelines, line=line, frames=frames)
    recordings = votes or settings.data / "votes" / f"{line or path.resolve().name}.jsonl"
    compared = ComparisonSettings(settings.model, strategy or [], recordings, settings.threads)
    print_comparison(source, compared, out, as_json, extra={"teach": taught} if taught else {})


def _counts(text: str) -> tuple[int, ...]:
    """Read numbers with commas between; Typer reports a wrong one under --teach."""
    numbers = [each.strip() for each in text.split(",")]
    if not all(each.isascii() and each.isdigit() and len(each) < MAX_COUNT_DIGITS for each in numbers):
        raise typer.BadParameter(f"{text!r} is no list of numbers; write for example 0,3,10,30", param_hint="--teach")
    return tuple(dict.fromkeys(int(each) for each in numbers))
