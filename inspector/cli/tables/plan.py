"""The advised ladder, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.lab.evaluation.plan_report import COLUMNS, row, verdict
from inspector.operations.plan import LadderPlan
from inspector.tuning.ladder_search import EvaluatedLadder

SHOWN: Final = 12


def plan_table(planned: LadderPlan) -> Group:
    """The front by rising cost, thinned to what fits on a screen, then what was found."""
    advice = planned.advice
    step = max(1, -(-len(advice.front) // SHOWN))
    left = len(advice.front) - len(advice.front[::step])
    more = [Text(f"{left} more in --json and --out")] if left else []
    title = f"{planned.source}, {advice.ok} OK and {advice.ng} NG parts"
    said = (Text(each, style="bold") for each in verdict(advice))
    return Group(Text(title, style="bold"), _table(advice.front[::step]), *more, Text(), *said)


def _table(plans: Iterable[EvaluatedLadder]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for place, column in enumerate(COLUMNS):
        table.add_column(column, justify="right" if place else "left")
    for plan in plans:
        table.add_row(*row(plan))
    return table
