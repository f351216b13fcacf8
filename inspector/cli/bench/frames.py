"""`inspector bench frames`, with its table."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_json, print_status, print_table

SHOWN = ("way", "frames", "lost", "per_s", "p50_ms", "p99_ms")


def bench_frames(
    mb: Annotated[float, typer.Option("--mb", help="Size of a frame in MB.", min=0.001, max=32.0)] = 5.0,
    rate: Annotated[float, typer.Option(help="Frames a second.", min=0.1, max=1000.0)] = 60.0,
    seconds: Annotated[float, typer.Option(help="Duration for each way.", min=1.0, max=600.0)] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Measure large frames in the message itself, and by reference over shared memory and S3.

    Needs mosquitto. S3 is measured where INSPECTOR_EVIDENCE_URL names a bucket.
    """
    from inspector.operations.bench_frames import measure_frames

    figures = measure_frames(read_settings(), size_mb=mb, rate_per_s=rate, seconds=seconds, notify=print_status)
    if as_json:
        print_json(figures)
        return
    table = Table(*SHOWN)
    for way in figures["ways"]:
        table.add_row(*(str(way[name]) for name in SHOWN))
    print_table(table)
