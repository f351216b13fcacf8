"""`inspector simulate`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import AsJson, Fps, Hard, Seed
from inspector.cli.publish_lines import publish_lines


def simulate(
    frames: Annotated[int | None, typer.Option(help="How many frames; default: until Ctrl-C.", min=1)] = None,
    product: Annotated[list[str] | None, typer.Option(help="washer, board or cap; repeat for several.")] = None,
    fps: Fps = 4.0,
    seed: Seed = 1,
    hard: Hard = 0.5,
    as_json: AsJson = False,
) -> None:
    """Be a production line: send drawn products to a running service, and hear its verdicts."""
    import secrets

    from inspector.lab.synthetic import PRODUCTS
    from inspector.operations.virtual_line import virtual_lines

    unknown = set(product or ()) - set(PRODUCTS)
    if unknown:
        raise typer.BadParameter(f"no product {', '.join(sorted(unknown))}; there are {', '.join(PRODUCTS)}")
    run = f"sim-{secrets.token_hex(3)}"
    publish_lines(
        virtual_lines(seed, frames, hard=hard, run=run, products=product),
        fps,
        run,
        as_json,
        f"virtual line, seed {seed}",
    )
