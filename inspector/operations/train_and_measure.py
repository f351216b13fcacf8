"""Makes and measures the embedded checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from inspector.domain.pipeline import Pipeline
from inspector.errors import DeclarationError, Fault
from inspector.lab.synthetic import PRODUCTS
from inspector.operations.apply import read_pipelines

LOGGED_EVERY: Final = 100  # steps


def train_demo(
    screen: Console, folder: Path, state: Path, *, seed: int, vision_steps: int, language_steps: int, threads: int
) -> None:
    """Trains into `folder`, going on where `state` says an earlier run stopped; a progress bar a stage."""
    from inspector.lab.training.train import train

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
            if not screen.is_terminal and done % LOGGED_EVERY == 0:  # bars show nothing in a log
                screen.print(f"{datetime.now():%H:%M:%S}  {stage} {done}/{steps}  {told}")

        train(
            folder,
            state,
            seed=seed,
            vision_steps=vision_steps,
            language_steps=language_steps,
            threads=threads,
            progress=progress,
        )


def evaluate_synthetic(
    screen: Console, card: Path, pipelines: Path, *, frames: int, seed: int, threads: int, out: Path | None
) -> dict[str, Any]:
    """The figures of a card's checkpoint on drawn frames that it never saw, asked by the service's engine and judge in
    the words of the pipelines. `out` also gets them as Markdown tables and as a plot."""
    from inspector.adapters import vlm
    from inspector.bootstrap.wiring import card_at
    from inspector.lab.training.bench import Bench
    from inspector.lab.training.measure import measure

    bench = Bench(vlm.load(card_at(card), card.parent, threads), _drawn_pipelines(pipelines))
    with stages(screen) as progress:
        figures = asyncio.run(measure(bench, frames=frames, seed=seed, progress=progress))
    if out is not None:
        from inspector.lab.training.charts import plot_limits
        from inspector.lab.training.model_page import as_markdown

        plot_limits(figures, out)
        (out / "figures.md").write_text(as_markdown(figures) + "\n", encoding="utf-8")
    return asdict(figures)


def _drawn_pipelines(folder: Path) -> dict[str, Pipeline]:
    declared = {each.pipeline.line: each.pipeline for each in read_pipelines(folder)}
    if missing := [name for name in PRODUCTS if name not in declared]:
        problem = f"no pipeline for {', '.join(missing)}"
        raise DeclarationError(
            [Fault(str(folder), "line", problem, "name the folder that declares the drawn products")]
        )
    return {name: declared[name] for name in PRODUCTS}


@contextmanager
def stages(screen: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar a stage; told what, how many are done, and of how many."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done)

        yield progress
