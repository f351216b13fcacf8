"""`inspector eval simulation`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inspector.cli.options import AsJson, Seed
from inspector.cli.output import print_json


def eval_simulation(
    parts: Annotated[int, typer.Option(help="Simulated parts for each correlation and accuracy.", min=1000)] = 20_000,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for simulation.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Correlated voters, simulated: which stopping rules keep the error rate that they promise. Takes a minute."""
    from inspector.operations.eval_simulation import as_json as simulated_json
    from inspector.operations.eval_simulation import eval_simulation, simulation_table

    found = eval_simulation(parts, seed, out)
    if as_json:
        print_json({"cells": simulated_json(found)})
    else:
        Console().print(simulation_table(found))
