"""A chart of a checkpoint's limits: the defects that it finds, and those that it misses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inspector.lab.training.checkpoint_figures import CheckpointFigures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def limits_chart(figures: CheckpointFigures, figure: Figure) -> None:
    """Draw the shares found per class and contrast decile, and the accuracy per product and under disturbances."""
    figure.set_size_inches(11, 8)
    panels = figure.subplots(2, 2)
    _draw_bars(panels[0, 0], figures.classes, "NG frames found, by class of the main flaw")
    _draw_bars(panels[0, 1], figures.deciles, "NG frames found, by contrast decile (1: the faintest)")
    _draw_bars(panels[1, 0], figures.products, "Balanced accuracy, by product")
    _draw_bars(panels[1, 1], figures.robustness, "Balanced accuracy, disturbed and reworded")
    figure.suptitle(f"{figures.frames} held-out frames, direct view at threshold {figures.threshold:.2f}")


def _draw_bars(axes: Any, shares: Mapping[str, float], title: str) -> None:
    axes.barh([name.replace("_", " ") for name in shares], list(shares.values()), color="#2f6f9f")
    for row, share in enumerate(shares.values()):
        axes.text(min(share, 0.97), row, f" {share:.2f}", va="center", ha="left" if share < 0.9 else "right")
    axes.invert_yaxis()
    axes.set_xlim(0.0, 1.0)
    axes.set_title(title, fontsize=10)
