"""Compared strategies as tables for a terminal of 80 columns (`eval synthetic`, `eval folder`)."""

from __future__ import annotations

from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.lab.evaluation.comparison import StrategyComparison
from inspector.lab.evaluation.comparison_report import slope_sentence
from inspector.lab.evaluation.paired_bootstrap import ConfidenceInterval
from inspector.lab.evaluation.strategies import REFERENCE

FIGURES: Final = {
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
DIGITS: Final = {"votes": 2, "ms": 0}  # after the point; 3 for all other columns


def comparison_table(comparison: StrategyComparison) -> Group:
    """The figures of every strategy, then the default strategy against each other one."""
    title = f"{comparison.source}: {len(comparison.labels.ng)} parts; acc is balanced accuracy"
    thoughts = (Text(f"{curve.line}: {slope_sentence(curve)}") for curve in comparison.thoughts)
    tables = _figures(comparison), Text(), _contrasts(comparison, REFERENCE)
    return Group(Text(title, style="bold"), *tables, *thoughts)


def _figures(comparison: StrategyComparison) -> Table:
    table = _empty_table("strategy", *FIGURES)
    for strategy, figures in comparison.figures.items():
        cells = (_number(getattr(figures, name), DIGITS.get(title, 3)) for title, name in FIGURES.items())
        table.add_row(strategy, *cells)
    return table


def _contrasts(comparison: StrategyComparison, strategy: str) -> Table:
    table = _empty_table(f"{strategy} against", "acc gained, in points (95 %)", "of the votes", "of the time")
    for other, contrast in comparison.contrasts[strategy].items():
        gained, ratios = contrast.minus["balanced_accuracy"], contrast.over
        shares = (ratios[cost].value if cost in ratios else None for cost in ("votes", "ms"))
        table.add_row(other, _points(gained), *(_number(share, 2) for share in shares))
    return table


def _empty_table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    return table


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _points(interval: ConfidenceInterval) -> str:
    value, low, high = (100 * each for each in interval)
    return f"{value:+.1f} ({low:+.1f} … {high:+.1f})"
