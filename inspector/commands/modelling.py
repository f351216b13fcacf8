"""Makes and measures the embedded checkpoint."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inspector.commands.applying import read_pipelines
from inspector.errors import DeclarationError, Fault
from inspector.products import PRODUCTS


def train_demo(
    screen: Console, folder: Path, state: Path, *, seed: int, vision_steps: int, language_steps: int, threads: int
) -> None:
    """Trains into `folder`, going on where `state` says an earlier run stopped; a progress bar a stage."""
    from inspector.training.train import train

    state.parent.mkdir(parents=True, exist_ok=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=screen) as bars:
        tasks: dict[str, Any] = {}

        def progress(stage: str, done: int, steps: int, figures: dict[str, float]) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=steps, figures="")
            told = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
            bars.update(tasks[stage], completed=done, figures=told)

        train(
            folder,
            state,
            seed=seed,
            vision_steps=vision_steps,
            language_steps=language_steps,
            threads=threads,
            progress=progress,
        )


def evaluate_synthetic(folder: Path, pipelines: Path, *, frames: int, seed: int) -> dict[str, Any]:
    """The figures of a checkpoint on drawn frames that it never saw, asked in the words of the demo pipelines."""
    from inspector.training.bench import Bench
    from inspector.training.measure import measure
    from inspector.training.witness import Witness

    declared = {each.pipeline.line: each.pipeline for each in read_pipelines(pipelines)}
    missing = [name for name in PRODUCTS if name not in declared]
    if missing:
        raise DeclarationError(
            [
                Fault(
                    str(pipelines),
                    "line",
                    f"no pipeline for {', '.join(missing)}",
                    "name the folder that declares the drawn products",
                )
            ]
        )
    bench = Bench(Witness(folder), {name: declared[name] for name in PRODUCTS})
    return asdict(measure(bench, frames=frames, seed=seed))
