"""Taught models as a table for a terminal of 80 columns (`eval folder --teach-from`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.lab.evaluation.taught_figures import TaughtFigures

COLUMNS: Final = ("NG", "AUROC", "acc", "escape", "overkill", "decided", "advice", "used", "methods")


def taught_table(source: str, figures: Mapping[int, TaughtFigures]) -> Group:
    """One row per number of NG parts, then what is missing for the last."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in COLUMNS:
        table.add_column(column)
    for count, each in figures.items():
        table.add_row(str(count), *_cells(each))
    last = list(figures.values())[-1].report
    missing = [Text(f"missing: {each}", style="yellow") for each in last.missing]
    left_out = [Text(f"left out, unlike all other good parts: {name}", style="yellow") for name in last.outliers]
    title = f"{source}: taught models; acc is balanced accuracy at the proposed limit"
    return Group(Text(title, style="bold"), table, *missing, *left_out)


def _cells(each: TaughtFigures) -> list[str]:
    shares = (each.escape.value, each.overkill.value, each.decided_share.value)
    members = ", ".join(str(member.name) for member in each.report.model.members)
    used = f"{each.used.ng}+{each.used.ok}+{each.used.golden}"
    numbers = [f"{each.auroc.value:.3f}", f"{each.balanced_accuracy.value:.3f}", *map(_share, shares)]
    return [*numbers, str(each.report.advice), used, members]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
