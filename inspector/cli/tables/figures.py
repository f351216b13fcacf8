"""Named figures as a table of two columns."""

from __future__ import annotations

from typing import Any

from rich.table import Table


def figures_table(figures: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), cell(value))
    return table


def cell(value: Any) -> str:
    """Format a value for a table; None and empty values become a dash."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 10 else f"{value:.0f}"
    if isinstance(value, dict):
        return "  ".join(f"{name} {cell(inner)}" for name, inner in value.items()) or "-"
    if isinstance(value, list):
        return "\n".join(map(cell, value)) or "-"
    return str(value)
