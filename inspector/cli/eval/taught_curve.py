"""Teach with one folder, measure on another, and print the result (`eval folder --teach-from`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inspector.cli.output import print_json, print_status, print_table, stderr_console
from inspector.cli.progress import progress_bars
from inspector.settings import Settings


def print_taught(
    folder: Path,
    line: str | None,
    pipelines: Path,
    curve: tuple[Path, tuple[int, ...], int | None],
    backbones: list[str],
    settings: Settings,
    out: Path | None,
    *,
    as_json: bool,
) -> dict[str, Any]:
    """Teach and measure, write the report into `out` where one is given, and print. Returns the figures as JSON."""
    from inspector.bootstrap.features import open_features
    from inspector.cli.tables.taught import taught_table
    from inspector.lab.evaluation.taught_figures import taught_json
    from inspector.lab.evaluation.taught_report import taught_report
    from inspector.lab.report_files import write_report
    from inspector.operations.compare_strategies import declared_line
    from inspector.operations.eval_taught import DEFAULT_GOLDEN, TeachingCurve, evaluate_taught

    teach_from, counts, golden = curve
    pipeline = declared_line(pipelines, line or folder.resolve().name)
    wanted = TeachingCurve(teach_from, counts, DEFAULT_GOLDEN if golden is None else golden)
    with progress_bars(stderr_console) as progress:
        figures = evaluate_taught(folder, wanted, open_features(backbones, settings), list(pipeline.defects), progress)
    for path in write_report(taught_report(str(folder), figures), out) if out else []:
        print_status(str(path))
    if as_json:
        print_json({"source": str(folder), "line": pipeline.line, "teach": taught_json(figures)})
    else:
        print_table(taught_table(str(folder), figures))
    return taught_json(figures)
