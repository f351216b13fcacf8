"""Charts of a comparison: accuracy against cost, risk and coverage, reliability, and the effect of every rung."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import cycle
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from inspector.lab.evaluation.comparison import StrategyComparison, front
from inspector.lab.evaluation.strategies import REFERENCE
from inspector.lab.evaluation.strategy_figures import risk_coverage
from inspector.numerics.classification_metrics import reliability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS_PER_ROW: Final = 3
MARKERS: Final = "osD^v<>ph"
RESCUED: Final = "#2f6f9f"
HARMED: Final = "#c0504d"
SIZE_INCHES: Final = (11, 5)


def chart(draw: Callable[[Figure, StrategyComparison], None], comparison: StrategyComparison, figure: Figure) -> None:
    """Draw one chart with the title of the comparison."""
    figure.set_size_inches(*SIZE_INCHES)
    draw(figure, comparison)
    figure.suptitle(f"{comparison.source}: {len(comparison.labels.ng)} parts")


def _pareto(figure: Figure, comparison: StrategyComparison) -> None:
    """Accuracy against votes and against time, with the front that no other strategy beats."""
    for axes, cost in zip(figure.subplots(1, 2, sharey=True), ("votes", "ms"), strict=True):
        points = comparison.points(cost)
        for (name, point), marker in zip(points.items(), cycle(MARKERS), strict=False):
            axes.plot(*point, marker, markersize=9, label=name)
        edge = np.array([points[name] for name in front(points)])
        axes.plot(*edge.T, "--", color="0.7", zorder=0)
        axes.set_xlabel(f"{cost} a part")
        axes.margins(0.1)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("balanced accuracy")
    figure.axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)


def _risk_coverage(figure: Figure, comparison: StrategyComparison) -> None:
    axes = figure.subplots()
    for name, scores in comparison.scores.items():
        risk = risk_coverage(scores, comparison.labels)
        label = f"{name} ({comparison.figures[name].aurc:.4f})"
        axes.plot(np.arange(1, len(risk) + 1) / len(risk), risk, label=label, linewidth=2 if name == REFERENCE else 1)
    axes.set_xlabel("coverage: the surest share of the parts")
    axes.set_ylabel("share of errors among them")
    axes.legend(title="area", fontsize=8)
    axes.grid(alpha=0.3)


def _reliability(figure: Figure, comparison: StrategyComparison) -> None:
    rows = -(-len(comparison.scores) // PANELS_PER_ROW)
    figure.set_size_inches(11, 3.4 * rows)
    panels = figure.subplots(rows, PANELS_PER_ROW, squeeze=False, sharex=True, sharey=True).flat
    for axes, (name, scores) in zip(panels, comparison.scores.items(), strict=False):
        bins = reliability(scores.score, comparison.labels.ng)
        axes.plot([0, 1], [0, 1], color="0.8", zorder=0)
        sizes = [20 + 400 * each.parts / len(scores.score) for each in bins]
        points = [each.mean_p for each in bins], [each.ng_share for each in bins]
        axes.scatter(*points, sizes, color=RESCUED, alpha=0.8)
        axes.set_title(f"{name}, calibration error {comparison.figures[name].ece:.3f}", fontsize=9)
    for axes in figure.axes[len(comparison.scores) :]:
        axes.set_visible(False)
    figure.supxlabel("score")
    figure.supylabel("share of NG parts")


def _rung_effects(figure: Figure, comparison: StrategyComparison) -> None:
    panels = figure.subplots(1, len(comparison.rungs), squeeze=False)[0]
    for axes, (name, effects) in zip(panels, comparison.rungs.items(), strict=True):
        places = np.arange(len(effects))
        axes.bar(places, [effect.rescued for effect in effects], color=RESCUED, label="wrong before, right after")
        axes.bar(places, [-effect.harmed for effect in effects], color=HARMED, label="right before, wrong after")
        axes.set_xticks(
            places, [f"rung {each.rung + 1}\n{each.parts} parts\np = {each.p_value:.3f}" for each in effects]
        )
        axes.axhline(0, color="0.5", linewidth=0.8)
        axes.set_title(name, fontsize=10)
        axes.set_ylabel("parts")
        axes.legend(fontsize=8)


def _thoughts(figure: Figure, comparison: StrategyComparison) -> None:
    """p(NG) and accuracy of every line against the length of the thought."""
    panels = figure.subplots(1, len(comparison.thoughts), squeeze=False, sharey=True)[0]
    for axes, curve in zip(panels, comparison.thoughts, strict=True):
        tokens, ok, ng, accuracy, *_ = zip(*curve.cuts, strict=True)
        axes.plot(tokens, ng, "o-", color=HARMED, label="p(NG) of NG parts")
        axes.plot(tokens, ok, "s-", color=RESCUED, label="p(NG) of OK parts")
        axes.plot(tokens, accuracy, "k--", label="balanced accuracy")
        axes.set_xscale("log", base=2)
        axes.set_title(f"{curve.line}{', harmed by thinking longer' if curve.harms else ''}", fontsize=9)
        axes.set_xlabel("tokens of the thought at the cut")
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize=8)


THOUGHT_CHARTS: Final[Mapping[str, Callable[[Figure, StrategyComparison], None]]] = MappingProxyType(
    {"thoughts": _thoughts}
)
CHARTS: Final[Mapping[str, Callable[[Figure, StrategyComparison], None]]] = MappingProxyType(
    {"pareto": _pareto, "risk_coverage": _risk_coverage, "reliability": _reliability, "rungs": _rung_effects}
)
