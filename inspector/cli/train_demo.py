"""`inspector train-demo`, with its progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from inspector.cli.options import Seed, Threads, read_settings
from inspector.cli.output import stderr_console

STEPS_PER_LOG_LINE: Final = 100
ReportTraining = Callable[[str, int, int, dict[str, float]], None]  # stage, steps done, steps in all, figures


def train_demo(
    folder: Annotated[Path, typer.Option(help="Folder of the checkpoint.")] = Path("models/demo"),
    state: Annotated[
        Path | None, typer.Option(help="File from which an interrupted run resumes. Default: in INSPECTOR_DATA.")
    ] = None,
    seed: Seed = 7,
    vision_steps: Annotated[int, typer.Option(help="Steps that train the vision tower alone.", min=1)] = 8400,
    language_steps: Annotated[int, typer.Option(help="Steps that train the language model behind it.", min=1)] = 1800,
    threads: Threads = 2,
) -> None:
    """Train the embedded demo model from random weights on synthetic products. Resumable.

    The training curves are written next to the checkpoint.
    """
    from inspector.lab.training.train import train

    state = state or read_settings().data / "train-demo.pt"
    state.parent.mkdir(parents=True, exist_ok=True)
    with _training_bars(stderr_console) as progress:
        train(
            folder,
            state,
            seed=seed,
            vision_steps=vision_steps,
            language_steps=language_steps,
            threads=threads,
            progress=progress,
        )


@contextmanager
def _training_bars(console: Console) -> Iterator[ReportTraining]:
    """Show one bar per stage with its latest figures, and log lines where no terminal shows bars."""
    description, figures_column = TextColumn("{task.description}"), TextColumn("{task.fields[figures]}")
    columns = (description, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), figures_column)
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, steps: int, figures: dict[str, float]) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=steps, figures="")
            text = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
            bars.update(tasks[stage], completed=done, figures=text)
            if not console.is_terminal and done % STEPS_PER_LOG_LINE == 0:
                console.print(f"{datetime.now():%H:%M:%S}  {stage} {done}/{steps}  {text}")

        yield report
