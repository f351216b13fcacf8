"""`inspector demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import PIPELINES, AsJson, Fps, Hard, ModelCardPath, PipelinesFolder, Seed, read_settings
from inspector.cli.output import say, show_figures, watch_lines


def demo(
    frames: Annotated[int | None, typer.Option(help="Stop sending after this many; default: go on.", min=1)] = None,
    exit_after: Annotated[bool, typer.Option("--exit", help="Stop everything once all verdicts are in.")] = False,
    fps: Fps = 4.0,
    seed: Seed = 1,
    hard: Hard = 0.5,
    pipelines: PipelinesFolder = PIPELINES,
    model: ModelCardPath = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole product here: broker, service, console, and a virtual line of three products.

    Ctrl-C stops everything. [bold]inspector demo --frames 60 --exit --json[/] runs it as a test and prints the figures.
    """
    from inspector.operations.demo import run_demo, wait_for_interrupt

    settings = read_settings(model=model)
    settings = settings.model_copy(update={"data": settings.data / "demo"})
    result = run_demo(
        settings,
        pipelines,
        frames=frames,
        fps=fps,
        seed=seed,
        hard=hard,
        say=say,
        watch=watch_lines("three products on one machine", as_json),
        after=None if exit_after or frames is None else wait_for_interrupt,
    )
    show_figures(result, as_json)
