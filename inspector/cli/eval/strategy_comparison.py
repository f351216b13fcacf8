"""Compare strategies on recorded answers and print the table (`eval synthetic`, `eval folder`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from inspector.cli.output import print_json, say, screen

if TYPE_CHECKING:
    from inspector.operations.compare_strategies import ComparisonSettings, PartSource


def compare(source: PartSource, plan: ComparisonSettings, out: Path | None, as_json: bool) -> None:
    from inspector.cli.tables.comparison import comparison_table
    from inspector.lab.evaluation.comparison_report import write_page
    from inspector.operations.compare_strategies import compare_strategies

    found = compare_strategies(screen, source, plan)
    for path in write_page(found, out) if out else []:
        say(str(path))
    if as_json:
        print_json(found.as_json())
    else:
        Console().print(comparison_table(found))
