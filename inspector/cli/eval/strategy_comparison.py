"""Compare strategies on recorded answers and print the result (`eval synthetic`, `eval folder`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from inspector.cli.output import print_json, print_status, print_table, stderr_console
from inspector.cli.progress import progress_bars

if TYPE_CHECKING:
    from inspector.operations.compare_strategies import ComparisonSettings, PartSource


def print_comparison(
    source: PartSource,
    settings: ComparisonSettings,
    out: Path | None,
    as_json: bool,
    extra: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Compare, write the report into `out` where one is given, and print; JSON together with `extra`."""
    from inspector.cli.tables.comparison import comparison_table
    from inspector.lab.evaluation.comparison_report import comparison_report
    from inspector.lab.report_files import write_report
    from inspector.operations.compare_strategies import compare_strategies

    with progress_bars(stderr_console) as progress:
        comparison = compare_strategies(source, settings, progress)
    for path in write_report(comparison_report(comparison), out) if out else []:
        print_status(str(path))
    if as_json:
        print_json(comparison.as_json() | dict(extra))
    else:
        print_table(comparison_table(comparison))
