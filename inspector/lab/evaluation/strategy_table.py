"""One table of every strategy on several sets of parts, with what each costs: a page and its chart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

from inspector.lab.evaluation.comparison import StrategyComparison
from inspector.lab.evaluation.comparison_charts import MARKERS
from inspector.lab.evaluation.comparison_report import disagreement_table, slope_sentence
from inspector.lab.evaluation.paired_bootstrap import ConfidenceInterval
from inspector.lab.evaluation.strategies import WITH_THOUGHTS
from inspector.lab.evaluation.taught_figures import TaughtFigures, taught_json
from inspector.lab.evaluation.thought_curve import ThoughtCurve
from inspector.lab.report_files import ReportFiles, json_text, markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE: Final = "strategies.md"
CHART: Final = "strategies.png"
PANELS_PER_ROW: Final = 3
PANEL_INCHES: Final = (4.6, 3.8)
COLUMNS: Final = ("strategy", "balanced accuracy (95 %)", "AUROC (95 %)", "votes", "tokens", "ms")
NOTES: Final = """\
Each strategy is replayed on the same recorded answers. A part is called NG above a threshold that the other four fifths
of the parts choose. Intervals hold 95 of 100 draws of the parts. Votes, tokens and milliseconds are means per part, of
everything that was asked. A taught model asks nothing; it learned from other groups of the line's parts."""


@dataclass(frozen=True, slots=True)
class TableSection:
    """One set of parts: its strategies, and the models that were taught with so many NG parts of the same line.

    `not_taught` says why none was.
    """

    title: str
    comparison: StrategyComparison
    taught: Mapping[int, TaughtFigures] = field(default_factory=dict)
    not_taught: str = ""


def strategy_table(about: str, limits: str, sections: Sequence[TableSection]) -> ReportFiles:
    """Return the page with its chart. `about` says what was measured and how, `limits` what the figures cannot show."""
    return {
        PAGE: _page(about, limits, sections),
        "strategies.json": json_text(table_json(sections)),
        CHART: partial(_chart, sections),
    }


def table_json(sections: Sequence[TableSection]) -> list[dict[str, Any]]:
    """Every figure of the table."""
    return [{"title": each.title, **_section_json(each)} for each in sections]


def _section_json(section: TableSection) -> dict[str, Any]:
    thoughts = [each.as_json() for each in _thoughts(section)]
    taught = {"taught": taught_json(section.taught), "not_taught": section.not_taught}
    return {**taught, **section.comparison.as_json(), "thoughts": thoughts}


def _page(about: str, limits: str, sections: Sequence[TableSection]) -> str:
    blocks = ["# Test-time strategies", about, NOTES, limits]
    for section in sections:
        labels = section.comparison.labels
        ng, parts = int(labels.ng.sum()), len(labels.ng)
        blocks += [f"## {section.title}", f"{parts} parts: {parts - ng} OK, {ng} NG."]
        blocks += [markdown_table(COLUMNS, _rows(section))]
        blocks += [f"Not taught: {section.not_taught}."] if section.not_taught else []
        if table := disagreement_table(section.comparison):
            blocks += ["Where three drafts disagree:", table]
        blocks += [f"{each.line}: {slope_sentence(each)}" for each in _thoughts(section)]
    return "\n\n".join([*blocks, f"![Accuracy against time]({CHART})"]) + "\n"


def _thoughts(section: TableSection) -> Sequence[ThoughtCurve]:
    """The curves of strategies that think; a recording may hold thoughts of other runs too."""
    return section.comparison.thoughts if WITH_THOUGHTS.keys() & section.comparison.figures.keys() else ()


def _rows(section: TableSection) -> Iterable[list[str]]:
    for name, figures in section.comparison.figures.items():
        accuracy, auroc = section.comparison.intervals[name]
        costs = f"{figures.votes_mean:.2f}", f"{figures.tokens_mean:.0f}", f"{figures.ms_mean:.0f}"
        yield [f"`{name}`", _interval(accuracy), _interval(auroc), *costs]
    for count, taught in section.taught.items():
        shares = (ConfidenceInterval(*each) for each in (taught.balanced_accuracy, taught.auroc))
        name = f"taught with {taught.used.ng} NG" if count else "golden samples"
        yield [name, *map(_interval, shares), "0", "0", f"{taught.ms_mean:.0f}"]


def _interval(interval: ConfidenceInterval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} … {interval.high:.3f})"


def _chart(sections: Sequence[TableSection], figure: Figure) -> None:
    """Balanced accuracy against milliseconds per part, one panel for each set of parts."""
    rows = -(-len(sections) // PANELS_PER_ROW)
    columns = min(len(sections), PANELS_PER_ROW)
    figure.set_size_inches(PANEL_INCHES[0] * columns, PANEL_INCHES[1] * rows)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes in panels[len(sections) :]:
        axes.set_visible(False)
    for axes, section in zip(panels, sections, strict=False):
        _panel(axes, section)


def _panel(axes: Any, section: TableSection) -> None:
    for (name, figures), marker in zip(section.comparison.figures.items(), cycle(MARKERS), strict=False):
        accuracy, _ = section.comparison.intervals[name]
        spread = [[accuracy.value - accuracy.low], [accuracy.high - accuracy.value]]
        ms = max(figures.ms_mean, 1.0)
        axes.errorbar(ms, accuracy.value, spread, fmt=marker, markersize=5, elinewidth=0.7, alpha=0.8)
        axes.annotate(name, (ms, accuracy.value), fontsize=5, xytext=(3, 3), textcoords="offset points")
    axes.set_xscale("log")
    axes.set_title(section.title, fontsize=9)
    axes.set_xlabel("ms a part")
    axes.set_ylabel("balanced accuracy")
    axes.grid(alpha=0.3)
