"""The report of a comparison: `report.md`, `report.json` and charts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from inspector.lab.evaluation.comparison import StrategyComparison
from inspector.lab.evaluation.comparison_charts import CHARTS, THOUGHT_CHARTS, chart
from inspector.lab.evaluation.disagreements import DecidedDisagreements
from inspector.lab.evaluation.paired_bootstrap import ConfidenceInterval
from inspector.lab.evaluation.thought_curve import ThoughtCurve
from inspector.lab.report_files import ReportFiles, json_text, markdown_table

SHARES: Final = ("balanced_accuracy", "balanced_accuracy_hard", "auroc", "recall", "precision", "f1", "aurc", "ece")
DISPOSITION_SHARES: Final = ("escape", "overkill", "review", "unreadable")
DISAGREEMENT_COLUMNS: Final = ("decided by", "disagreements", "decided right", "share", "votes added per part")
THOUGHT_COLUMNS: Final = ("tokens", "p(NG) of OK", "p(NG) of NG", "accuracy", "AUROC", "ended before")
COST_FIGURES: Final = ("votes_mean", "tokens_mean", "ms_mean", "first_rung_share")
NOTES: Final = """\
A part is called NG above a threshold that is calibrated on the other four fifths of the parts. Escape, overkill and
review are shares at the pipeline's own two thresholds. Votes and time include everything that was asked; a batch's time
counts once. Intervals hold 95 of 100 paired draws of the parts. Hard: OK parts, and the three tenths of the NG parts
whose defects are least visible, where that is known."""


def comparison_report(comparison: StrategyComparison) -> ReportFiles:
    wanted = {**CHARTS, **(THOUGHT_CHARTS if comparison.thoughts else {})}
    charts = {f"{name}.png": partial(chart, draw, comparison) for name, draw in wanted.items()}
    return {
        "report.md": as_markdown(comparison, list(charts)),
        "report.json": json_text(comparison.as_json()),
        **charts,
    }


def as_markdown(comparison: StrategyComparison, charts: Sequence[str] = ()) -> str:
    ng, parts = int(comparison.labels.ng.sum()), len(comparison.labels.ng)
    costs = (*DISPOSITION_SHARES, *COST_FIGURES)
    blocks = [
        f"# {comparison.source}: strategies on the same {parts} parts ({parts - ng} OK, {ng} NG)",
        NOTES,
        _table(("strategy", *SHARES), _figures(comparison, SHARES)),
        _table(("strategy", *costs), _figures(comparison, costs)),
    ]
    if comparison.unreadable:
        blocks += ["## Parts that the line would not judge", "\n".join(f"- {each}" for each in comparison.unreadable)]
    for one, others in comparison.contrasts.items():
        names = list(next(iter(others.values())).minus) if others else []
        blocks += [f"## {one} minus the others", _table(("against", *names), _differences(comparison, one, names))]
    for name, effects in comparison.rungs.items():
        rows = ([*(str(n) for n in (e.rung + 1, e.parts, e.rescued, e.harmed)), f"{e.p_value:.4f}"] for e in effects)
        blocks += [f"## Rungs of {name}", _table(("rung", "parts", "rescued", "harmed", "p"), rows)]
    if table := disagreement_table(comparison):
        blocks += ["## Disagreements of three drafts", table]
    for curve in comparison.thoughts:
        blocks += [f"## Thoughts on {curve.line}", slope_sentence(curve), markdown_table(THOUGHT_COLUMNS, _cuts(curve))]
    return "\n\n".join([*blocks, *(f"![{name}]({name})" for name in charts)]) + "\n"


def slope_sentence(curve: ThoughtCurve) -> str:
    """Say whether longer thoughts harm the line's verdicts."""
    if curve.slope is None:
        return f"The length of the thought changes no verdict of {curve.parts} parts."
    estimate, low, high = (math.log(2.0) * each for each in curve.slope)
    judged = "Thinking longer harms." if curve.harms else "Harm is not shown."
    return (
        f"The log-odds of a right verdict change by {estimate:+.2f} per doubling of the thought ({low:+.2f} … "
        f"{high:+.2f}, {curve.parts} parts). {judged}"
    )


def disagreement_table(comparison: StrategyComparison) -> str:
    """Return how many disagreements each strategy decides right; nothing where no drafts disagree."""
    if not any(each.right.parts for each in comparison.disagreements):
        return ""
    rows = ([each.strategy, *_disagreement(each)] for each in comparison.disagreements)
    return markdown_table(DISAGREEMENT_COLUMNS, rows)


def _disagreement(decided: DecidedDisagreements) -> list[str]:
    found, parts, value, low, high = decided.right
    share = f"{value or 0.0:.3f} ({low or 0.0:.3f} … {high or 1.0:.3f})"
    return [str(parts), str(found), share, f"{decided.votes_added:.2f}"]


def _cuts(curve: ThoughtCurve) -> Iterable[list[str]]:
    for tokens, *shares in curve.cuts:
        yield [str(tokens), *(f"{share:.3f}" for share in shares)]


def _figures(comparison: StrategyComparison, names: Sequence[str]) -> Iterable[list[str]]:
    for strategy, figures in comparison.figures.items():
        yield [strategy, *(_number(getattr(figures, name)) for name in names)]


def _differences(comparison: StrategyComparison, one: str, names: Sequence[str]) -> Iterable[list[str]]:
    for other, contrast in comparison.contrasts[one].items():
        yield [other, *(_interval(contrast.minus[name]) for name in names)]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of names that may hold underscores."""
    return markdown_table([column.replace("_", " ") for column in columns], rows)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if value >= 10.0 else f"{value:.4f}"


def _interval(interval: ConfidenceInterval) -> str:
    return f"{interval.value:+.4f} ({interval.low:+.4f} … {interval.high:+.4f})"
