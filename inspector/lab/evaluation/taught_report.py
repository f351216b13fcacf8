"""The report of taught models: `report.md`, `report.json` and the learning curve `teach.png`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from inspector.lab.evaluation.taught_figures import BootstrapFigure, TaughtFigures, taught_json
from inspector.lab.report_files import ReportFiles, json_text, markdown_table
from inspector.numerics.exact_bounds import MeasuredShare

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS: Final = (
    "NG parts",
    "AUROC",
    "balanced accuracy",
    "escape",
    "overkill",
    "decided",
    "advice",
    "used",
    "methods",
)
NOTES: Final = """\
Each model was taught with that many NG parts of one folder and measured on another, of which it saw no part. Balanced
accuracy is that of the score at the proposed limit. Escape, overkill and the decided share are those of the pass and
reject limits. Intervals hold 95 %: redrawn groups for AUROC and balanced accuracy, exact binomial for shares."""


def taught_report(source: str, figures: Mapping[int, TaughtFigures]) -> ReportFiles:
    return {
        "teach.md": "\n\n".join([f"# {source}: taught models", NOTES, _table(figures), "![teach](teach.png)"]) + "\n",
        "teach.json": json_text(taught_json(figures)),
        "teach.png": partial(_curve, source, figures),
    }


def taught_rows(figures: Mapping[int, TaughtFigures]) -> list[list[str]]:
    """One row of text per number of NG parts, under COLUMNS."""
    return [[str(count), *_cells(each)] for count, each in figures.items()]


def _cells(each: TaughtFigures) -> list[str]:
    shares = (each.escape, each.overkill, each.decided_share)
    used = f"{each.used.ng} NG, {each.used.ok} OK, {each.used.golden} golden of {each.used.groups} groups"
    members = ", ".join(str(member.name) for member in each.report.model.members)
    figures = (_figure(each.auroc), _figure(each.balanced_accuracy))
    return [*figures, *map(_share, shares), str(each.report.advice), used, members]


def _table(figures: Mapping[int, TaughtFigures]) -> str:
    return markdown_table(COLUMNS, taught_rows(figures))


def _figure(figure: BootstrapFigure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} … {figure.high:.3f})"


def _share(share: MeasuredShare) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "–"
    return f"{share.value:.3f} ({share.low:.3f} … {share.high:.3f})"


def _curve(source: str, figures: Mapping[int, TaughtFigures], figure: Figure) -> None:
    axes = figure.subplots()
    counts = [str(count) for count in figures]
    for name in ("auroc", "balanced_accuracy"):
        each = [getattr(figure_of, name) for figure_of in figures.values()]
        values = [point.value for point in each]
        errors = [[max(0.0, p.value - p.low) for p in each], [max(0.0, p.high - p.value) for p in each]]
        axes.errorbar(counts, values, errors, marker="o", capsize=4, label=name.replace("_", " "))
    axes.set_xlabel("NG parts taught with, and twice as many OK parts")
    axes.set_ylim(0.4, 1.02)
    axes.legend()
    axes.grid(alpha=0.3)
    axes.set_title(source)
