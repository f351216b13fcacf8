"""Strategies side by side, for a terminal of 80 columns."""

from __future__ import annotations

from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.lab.evaluation.comparison import StrategyComparison
from inspector.lab.evaluation.paired_bootstrap import ConfidenceInterval

COLUMNS: Final = {
    "acc": "balanced_accuracy",
    "hard": "balanced_accuracy_hard",
    "auroc": "auroc",
    "escape": "escape",
    "overkill": "overkill",
    "review": "review",
    "votes": "votes_mean",
    "ms": "ms_mean",
    "rung 1": "first_rung_share",
}
DIGITS: Final = {"votes": 2, "ms": 0}


def comparison_table(comparison: StrategyComparison) -> Group:
    """Figures, then what the default gains and saves against each of the others."""
    parts = Text(f"{comparison.source}: {len(comparison.truth.ng)} parts; acc is balanced accuracy", style="bold")
    return Group(parts, _figures(comparison), Text(), _contrasts(comparison, "default"))


def _figures(comparison: StrategyComparison) -> Table:
    table = _table("strategy", *COLUMNS)
    for name, found in comparison.figures.items():
        table.add_row(name, *(_number(getattr(found, key), DIGITS.get(said, 3)) for said, key in COLUMNS.items()))
    return table


def _contrasts(comparison: StrategyComparison, one: str) -> Table:
    table = _table(f"{one} against", "acc more, in points (95 %)", "of the votes", "of the time")
    for other, contrast in comparison.contrasts[one].items():
        gained, over = contrast.minus["balanced_accuracy"], contrast.over
        shares = (over[cost].value if cost in over else None for cost in ("votes", "ms"))
        table.add_row(other, _points(gained), *(_number(share, 2) for share in shares))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    return table


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _points(found: ConfidenceInterval) -> str:
    value, low, high = (100 * each for each in found)
    return f"{value:+.1f} ({low:+.1f} … {high:+.1f})"
