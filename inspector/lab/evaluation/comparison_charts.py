"""The comparison as pictures: what accuracy costs, how well doubt is known, and what every rung does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from inspector.lab.evaluation.comparison import StrategyComparison, front
from inspector.lab.evaluation.strategy_figures import reliability, risk_coverage

COLUMNS: Final = 3
MARKERS: Final = "osD^v<>ph"
RESCUED: Final = "#2f6f9f"
HARMED: Final = "#c0504d"


def plot_all(comparison: StrategyComparison, folder: Path) -> list[Path]:
    """Writes every chart into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_printed(folder / f"{name}.png", comparison, draw) for name, draw in CHARTS.items()]


def _printed(path: Path, comparison: StrategyComparison, draw: Callable[[Any, StrategyComparison], None]) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    draw(figure, comparison)
    figure.suptitle(f"{comparison.source}: {len(comparison.truth.ng)} parts")
    FigureCanvasAgg(figure).print_png(path)
    return path


def _pareto(figure: Any, comparison: StrategyComparison) -> None:
    """Accuracy against votes and against time, and the front of those that nothing else beats in both."""
    for axes, cost in zip(figure.subplots(1, 2, sharey=True), ("votes", "ms"), strict=True):
        points = comparison.points(cost)
        for (name, point), marker in zip(points.items(), MARKERS, strict=False):
            axes.plot(*point, marker, markersize=9, label=name)
        edge = np.array([points[name] for name in front(points)])
        axes.plot(*edge.T, "--", color="0.7", zorder=0)
        axes.set_xlabel(f"{cost} a part")
        axes.margins(0.1)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("balanced accuracy")
    figure.axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)


def _risk(figure: Any, comparison: StrategyComparison) -> None:
    axes = figure.subplots()
    for name, told in comparison.scores.items():
        risk = risk_coverage(told, comparison.truth)
        label = f"{name} ({comparison.figures[name].aurc:.4f})"
        axes.plot(np.arange(1, len(risk) + 1) / len(risk), risk, label=label, linewidth=2 if name == "default" else 1)
    axes.set_xlabel("coverage: the surest share of the parts")
    axes.set_ylabel("share of errors among them")
    axes.legend(title="area", fontsize=8)
    axes.grid(alpha=0.3)


def _reliability(figure: Any, comparison: StrategyComparison) -> None:
    rows = -(-len(comparison.scores) // COLUMNS)
    figure.set_size_inches(11, 3.4 * rows)
    panels = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True).flat
    for axes, (name, told) in zip(panels, comparison.scores.items(), strict=False):
        bins = reliability(told, comparison.truth)
        axes.plot([0, 1], [0, 1], color="0.8", zorder=0)
        sizes = [20 + 400 * each.share for each in bins]
        axes.scatter([each.said for each in bins], [each.true for each in bins], sizes, color=RESCUED, alpha=0.8)
        axes.set_title(f"{name}, calibration error {comparison.figures[name].ece:.3f}", fontsize=9)
    for axes in figure.axes[len(comparison.scores) :]:
        axes.set_visible(False)
    figure.supxlabel("score")
    figure.supylabel("share of NG parts")


def _rungs(figure: Any, comparison: StrategyComparison) -> None:
    for axes, (name, changes) in zip(
        figure.subplots(1, len(comparison.rungs), squeeze=False)[0], comparison.rungs.items(), strict=True
    ):
        places = np.arange(len(changes))
        axes.bar(places, [change.rescued for change in changes], color=RESCUED, label="wrong before, right after")
        axes.bar(places, [-change.harmed for change in changes], color=HARMED, label="right before, wrong after")
        axes.set_xticks(
            places, [f"rung {each.rung + 1}\n{each.parts} parts\np = {each.p_value:.3f}" for each in changes]
        )
        axes.axhline(0, color="0.5", linewidth=0.8)
        axes.set_title(name, fontsize=10)
        axes.set_ylabel("parts")
        axes.legend(fontsize=8)


CHARTS: Final[Mapping[str, Callable[[Any, StrategyComparison], None]]] = MappingProxyType(
    {"pareto": _pareto, "risk_coverage": _risk, "reliability": _reliability, "rungs": _rungs}
)
