"""`inspector bench service`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_figures, print_status


def bench_service(
    replicas: Annotated[int, typer.Option(help="Model replicas.", min=1)] = 2,
    rate: Annotated[
        list[float] | None, typer.Option(help="Frames a second. Repeatable. Default: 60, 80, 90, 95.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Duration of each rate.", min=1.0)] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Measure the service without a model: 100 KB frames through MQTT, Ray Serve and the ledger, with a stub engine."""
    from inspector.operations.bench_service import measure_service

    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        settings = read_settings().model_copy(update={"data": Path(folder)})
        figures = measure_service(
            settings, replicas=replicas, rates=rate or [60.0, 80.0, 90.0, 95.0], seconds=seconds, notify=print_status
        )
    print_figures(figures, as_json)
