"""`inspector train-demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import Seed, read_settings
from inspector.cli.output import screen


def train_demo(
    folder: Annotated[Path, typer.Option(help="Where the checkpoint goes.")] = Path("models/demo"),
    state: Annotated[Path | None, typer.Option(help="Where an interrupted run goes on from.")] = None,
    seed: Seed = 7,
    vision_steps: Annotated[int, typer.Option(help="Steps of the vision tower alone.", min=1)] = 8400,
    language_steps: Annotated[int, typer.Option(help="Steps of the language model behind it.", min=1)] = 1800,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 2,
) -> None:
    """Make the embedded model again, from random numbers, on drawn products. Resumable; curves land in its folder."""
    from inspector.operations.train_and_measure import train_demo as train

    kept = state or read_settings().data / "train-demo.pt"
    train(screen, folder, kept, seed=seed, vision_steps=vision_steps, language_steps=language_steps, threads=threads)
