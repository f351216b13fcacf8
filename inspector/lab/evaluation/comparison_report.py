"""The comparison in words and tables: `report.md`, `report.json` and the charts in one folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from inspector.errors import InspectorError
from inspector.lab.evaluation.comparison import StrategyComparison
from inspector.lab.evaluation.comparison_charts import plot_all
from inspector.lab.evaluation.paired_bootstrap import ConfidenceInterval

SHARES: Final = ("balanced_accuracy", "balanced_accuracy_hard", "auroc", "recall", "precision", "f1", "aurc", "ece")
GATE: Final = ("escape", "overkill", "review", "unreadable")
COSTS: Final = ("votes_mean", "tokens_mean", "ms_mean", "first_rung_share")
NOTES: Final = """\
A part is called NG above a threshold calibrated on the other four fifths of the parts. Escape, overkill and review are
shares at the pipeline's own two thresholds. Votes and time are of everything that was asked; a batch's time is paid
once. Intervals hold 95 of 100 paired drawings of the parts. Hard: good parts, and the three tenths of the NG parts
whose defects are least plain, where that is known."""


def write_page(comparison: StrategyComparison, folder: Path) -> list[Path]:
    """Raises InspectorError where the folder can't be written."""
    try:
        charts = plot_all(comparison, folder)
        page, document = folder / "report.md", folder / "report.json"
        page.write_text(as_markdown(comparison, [path.name for path in charts]), encoding="utf-8")
        document.write_text(json.dumps(comparison.as_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InspectorError(f"{folder} can't be written: {error}; name another folder with --out") from error
    return [page, document, *charts]


def as_markdown(comparison: StrategyComparison, charts: Sequence[str] = ()) -> str:
    ng, parts = int(comparison.truth.ng.sum()), len(comparison.truth.ng)
    blocks = [
        f"# {comparison.source}: strategies on the same {parts} parts ({parts - ng} OK, {ng} NG)",
        NOTES,
        _table(("strategy", *SHARES), _figures(comparison, SHARES)),
        _table(("strategy", *GATE, *COSTS), _figures(comparison, (*GATE, *COSTS))),
    ]
    for one, others in comparison.contrasts.items():
        names = list(next(iter(others.values())).minus) if others else []
        blocks += [f"## {one} minus the others", _table(("against", *names), _minus(comparison, one, names))]
    for name, found in comparison.rungs.items():
        rows = ([*(str(n) for n in (c.rung + 1, c.parts, c.rescued, c.harmed)), f"{c.p_value:.4f}"] for c in found)
        blocks += [f"## Rungs of {name}", _table(("rung", "parts", "rescued", "harmed", "p"), rows)]
    return "\n\n".join([*blocks, *(f"![{name}]({name})" for name in charts)]) + "\n"


def _figures(comparison: StrategyComparison, names: Sequence[str]) -> Iterable[list[str]]:
    for strategy, found in comparison.figures.items():
        yield [strategy, *(_number(getattr(found, name)) for name in names)]


def _minus(comparison: StrategyComparison, one: str, names: Sequence[str]) -> Iterable[list[str]]:
    for other, contrast in comparison.contrasts[one].items():
        yield [other, *(_interval(contrast.minus[name]) for name in names)]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; its first column is text, the others are numbers."""
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('_', ' ') for cell in line)} |" for line in lines)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if value >= 10.0 else f"{value:.4f}"


def _interval(found: ConfidenceInterval) -> str:
    return f"{found.value:+.4f} ({found.low:+.4f} … {found.high:+.4f})"
