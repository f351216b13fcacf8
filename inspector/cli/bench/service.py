"""`inspector bench service`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import say, show_figures


def bench_service(
    replicas: Annotated[int, typer.Option(help="Model replicas.", min=1)] = 2,
    rate: Annotated[list[float] | None, typer.Option(help="Frames a second to try; repeat for several.")] = None,
    seconds: Annotated[float, typer.Option(help="How long each rate is held.", min=1.0)] = 10.0,
    as_json: AsJson = False,
) -> None:
    """What the service itself costs: frames of 100 KB through MQTT, Ray Serve and the ledger, with a stub engine."""
    import tempfile

    from inspector.operations.bench_service import bench_service as measure

    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        settings = read_settings().model_copy(update={"data": Path(folder)})
        result = measure(settings, replicas=replicas, rates=rate or [60.0, 80.0, 90.0, 95.0], seconds=seconds, say=say)
    show_figures(result, as_json)
