"""`inspector demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import PIPELINES, AsJson, Hard, ModelCardPath, PipelinesFolder, Seed, read_settings
from inspector.cli.output import print_figures, print_status


def demo(
    frames: Annotated[int | None, typer.Option(help="Frames to send. Default: until Ctrl-C.", min=1)] = None,
    exit_after: Annotated[bool, typer.Option("--exit", help="Stop everything after the last verdict.")] = False,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames a second over all lines. Default: what this machine keeps.", min=0.01, max=10_000),
    ] = None,
    seed: Seed = 1,
    hard: Hard = 0.5,
    pipelines: PipelinesFolder = PIPELINES,
    model: ModelCardPath = None,
    as_json: AsJson = False,
) -> None:
    """Run everything on this machine: broker, service, console and three simulated lines.

    It measures how fast this machine judges parts and sends no faster. On a slow machine its parts get a longer
    deadline. It keeps a ledger of its own in INSPECTOR_DATA/demo. Ctrl-C stops everything. [bold]inspector demo
    --frames 60 --exit --json[/] runs it as a test and prints the figures.
    """
    from inspector.cli.tables.live import live_view
    from inspector.operations.demo import demo_settings, run_demo, wait_for_interrupt

    settings = demo_settings(read_settings(model=model))
    figures = run_demo(
        settings,
        pipelines,
        frames=frames,
        fps=fps,
        seed=seed,
        hard=hard,
        notify=print_status,
        view=live_view("three products on one machine", as_json),
        after=None if exit_after or frames is None else wait_for_interrupt,
    )
    print_figures(figures, as_json)
