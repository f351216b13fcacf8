"""The report of chosen limits: `thresholds.json` and `thresholds.png`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from inspector.lab.report_files import ReportFiles, json_text
from inspector.tuning.threshold_choice import ThresholdChoice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE_INCHES: Final = (8, 4.2)


def threshold_report(title: str, choice: ThresholdChoice, document: dict[str, Any]) -> ReportFiles:
    return {"thresholds.json": json_text(document), "thresholds.png": partial(_chart, title, choice)}


def _chart(title: str, choice: ThresholdChoice, figure: Figure) -> None:
    """Draw the shares against `pass_below`: estimates, the bound of the escape share, and the chosen limit."""
    figure.set_size_inches(*SIZE_INCHES)
    axes = figure.subplots()
    low = [point.thresholds.pass_below for point in choice.row]
    axes.plot(low, [point.escape.estimate for point in choice.row], "C3", label="escape, estimate")
    axes.plot(low, [point.escape.bound for point in choice.row], "C3--", label="escape, upper bound")
    axes.plot(low, [point.overkill.estimate for point in choice.row], "C1", label="overkill, estimate")
    axes.plot(low, [point.review.estimate for point in choice.row], "C0", label="review, estimate")
    axes.axhline(choice.promise.escape, color="black", linewidth=0.8, label="promised escape share")
    axes.axvline(choice.current.thresholds.pass_below, color="grey", linestyle=":", label="live limit")
    if choice.chosen:
        axes.axvline(choice.chosen.thresholds.pass_below, color="C2", label="chosen limit")
    axes.set_xlabel(f"pass_below, at reject_above {choice.row[0].thresholds.reject_above:g}")
    axes.set_ylabel("share")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
