"""`inspector eval table`."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from inspector.cli.options import PIPELINES, AsJson, PipelinesFolder, Threads, read_settings
from inspector.cli.output import print_json, print_status, stderr_console
from inspector.cli.progress import progress_bars

DEMO: Final = "demo"
LIMITS: Final = """\
The embedded model is small and was taught drawn products, with answers that are read at once or after a few words. It
cannot show what thinking is worth: its thoughts are text that it was never taught to use. It never saw a real line:
those rows show costs and the mechanism, and the taught rows what such a line should use. Run the command with your own
model before you choose."""
ANY_MODEL: Final = "Thresholds are chosen on the same lines; a line of yours needs its own run."


def eval_table(
    frames: Annotated[
        int, typer.Option(help="Drawn frames for strategies without long thoughts; fused ones need 180.", min=12)
    ] = 960,
    thinking_frames: Annotated[
        int, typer.Option(help="The first drawn frames, for strategies with long thoughts. 0: none.", min=0)
    ] = 96,
    lines: Annotated[
        Path | None, typer.Option(help="Folder with a labelled folder for each real line, named as the line.")
    ] = None,
    teach: Annotated[
        Path | None, typer.Option(help="Folder with the same lines' parts to teach with. Default: nothing is taught.")
    ] = None,
    card: Annotated[Path, typer.Option("--model", help="Model card.")] = Path("models/demo.yaml"),
    pipelines: PipelinesFolder = PIPELINES,
    threads: Threads = 2,
    votes: Annotated[
        Path | None, typer.Option(help="Folder of recorded answers. Default: a folder in INSPECTOR_DATA.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for strategies.md, strategies.json and the chart.")] = Path(
        "docs/benchmarks"
    ),
    as_json: AsJson = False,
) -> None:
    """Compare all strategies on drawn frames and on real lines, and write one page with its chart. Resumable."""
    from inspector.bootstrap.features import open_features
    from inspector.lab.evaluation.strategy_table import strategy_table, table_json
    from inspector.lab.report_files import write_report
    from inspector.operations.strategy_table import TableSettings, table_sections

    settings = read_settings()
    wanted = TableSettings(
        card, pipelines, votes or settings.data / "votes" / "table", frames, thinking_frames, lines, teach, threads
    )
    with progress_bars(stderr_console) as progress:
        features = open_features([], settings) if teach else None
        sections = list(table_sections(wanted, features, progress))
    limits = LIMITS if card.stem == DEMO else ANY_MODEL
    report = strategy_table(_about(card, threads), limits, sections)
    for path in write_report(report, out):
        print_status(str(path))
    if as_json:
        print_json(table_json(sections))


def _about(card: Path, threads: int) -> str:
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    machine = platform.processor() or platform.machine()
    return f"`inspector eval table` with {card}, {threads} threads, {machine}, {day}."
