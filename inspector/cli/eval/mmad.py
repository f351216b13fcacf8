"""`inspector eval mmad`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inspector.cli.options import AsJson, ModelCardPath, read_settings
from inspector.cli.output import print_json, screen


def eval_mmad(
    root: Annotated[Path, typer.Option(help="Folder with mmad.json, DS-MVTec, MVTec-LOCO, VisA and GoodsAD.")],
    shots: Annotated[int, typer.Option(help="Pictures of normal parts shown with each.", min=0, max=1)] = 1,
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="single, text, majority-N, weighted-N or adaptive-N; repeat for several."),
    ] = None,
    model: ModelCardPath = None,
    votes: Annotated[Path | None, typer.Option(help="Answers to go on from; default: in INSPECTOR_DATA.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many good and NG pictures a data set.", min=1)] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for mmad.json and mmad.md.")] = None,
    as_json: AsJson = False,
) -> None:
    """A model on MMAD, the public benchmark of inspection questions, beside the published figures. Resumable.

    The benchmark's pictures have licences of their own: fetch them yourself.
    """
    from inspector.adapters.vlm import load
    from inspector.bootstrap.wiring import card_of
    from inspector.operations.eval_mmad import DEFAULT_STRATEGIES, MmadSettings, evaluate_mmad, picture, write

    settings = read_settings(model=model)
    card = card_of(settings)
    sitting = MmadSettings(root, shots, strategy or DEFAULT_STRATEGIES, limit)
    kept = votes or settings.data / "mmad-votes.jsonl"
    open_engine = partial(load, card, settings.model.parent, settings.threads)
    result, outcomes = evaluate_mmad(screen, sitting, open_engine, kept)
    if out:
        write(out, f"{card.name} on MMAD, {shots}-shot", result, outcomes)
    if as_json:
        print_json(result)
    else:
        Console().print(picture(outcomes))
