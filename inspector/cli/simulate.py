"""`inspector simulate`."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from inspector.cli.options import AsJson, Fps, Hard, Seed
from inspector.cli.publish_lines import publish_lines


def simulate(
    frames: Annotated[int | None, typer.Option(help="Frames to send. Default: until Ctrl-C.", min=1)] = None,
    product: Annotated[list[str] | None, typer.Option(help="washer, board or cap. Repeatable. Default: all.")] = None,
    fps: Fps = 4.0,
    seed: Seed = 1,
    hard: Hard = 0.5,
    as_json: AsJson = False,
) -> None:
    """Simulate production lines: publish synthetic frames to a running service and collect its verdicts."""
    from inspector.lab.synthetic import PRODUCTS
    from inspector.operations.virtual_line import virtual_lines

    unknown = set(product or ()) - set(PRODUCTS)
    if unknown:
        raise typer.BadParameter(f"no product {', '.join(sorted(unknown))}; available: {', '.join(PRODUCTS)}")
    run = f"sim-{secrets.token_hex(3)}"
    lines = virtual_lines(seed, frames, hard=hard, run=run, products=product)
    publish_lines(lines, fps, run, as_json, f"simulated lines, seed {seed}")
