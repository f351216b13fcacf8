"""`inspector bench engine`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, ModelCardPath, read_settings
from inspector.cli.output import say, show_figures


def bench_engine(
    asks: Annotated[list[int] | None, typer.Option(help="Questions about each part; repeat for several.")] = None,
    parts: Annotated[list[int] | None, typer.Option(help="Parts at once; repeat for several.")] = None,
    rounds: Annotated[int, typer.Option(help="Counted rounds; figures are medians.", min=1)] = 3,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 2,
    peer: Annotated[Path | None, typer.Option(help="The python of an environment that holds vLLM, to race.")] = None,
    model: ModelCardPath = None,
    as_json: AsJson = False,
) -> None:
    """What asking again costs, beside separate calls and num_return_sequences, on random weights of middle size."""
    from inspector.bootstrap.wiring import card_of
    from inspector.operations.bench_engine import bench_engine as measure

    settings = read_settings(model=model)
    result = measure(
        card_of(settings),
        settings.model.parent,
        asks=asks or [1, 3, 5, 9, 16],
        parts=parts or [1, 4, 16],
        rounds=rounds,
        threads=threads,
        peer=peer,
        say=say,
    )
    show_figures(result, as_json)
