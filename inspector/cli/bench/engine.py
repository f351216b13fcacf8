"""`inspector bench engine`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from inspector.cli.options import AsJson, ModelCardPath, Threads, read_settings
from inspector.cli.output import print_figures, print_status


def bench_engine(
    asks: Annotated[
        list[int] | None, typer.Option(help="Questions about each part. Repeatable. Default: 1, 3, 5, 9, 16.")
    ] = None,
    parts: Annotated[list[int] | None, typer.Option(help="Parts at once. Repeatable. Default: 1, 4, 16.")] = None,
    rounds: Annotated[int, typer.Option(help="Measured rounds; the figures are medians.", min=1)] = 3,
    threads: Threads = 2,
    peer: Annotated[
        Path | None, typer.Option(help="Python interpreter of an environment with vLLM, to compare with.")
    ] = None,
    size: Annotated[
        Literal["middle", "8b"],
        typer.Option(help="Random model: 134 M parameters, or the shape of Qwen3-VL 8B."),
    ] = "middle",
    model: ModelCardPath = None,
    as_json: AsJson = False,
) -> None:
    """Compare the engine with separate calls and with num_return_sequences, on a model of random weights."""
    from inspector.bootstrap.from_settings import card_of
    from inspector.operations.bench_engine import measure_engine

    settings = read_settings(model=model)
    figures = measure_engine(
        card_of(settings),
        settings.model.parent,
        asks=asks or [1, 3, 5, 9, 16],
        parts=parts or [1, 4, 16],
        rounds=rounds,
        threads=threads,
        peer=peer,
        size=size,
        notify=print_status,
    )
    print_figures(figures, as_json)
