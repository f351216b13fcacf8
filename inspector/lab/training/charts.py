"""A checkpoint's limits as a picture: where it sees defects and where it is blind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from inspector.lab.training.measure import Figures

NAME: Final = "limits.png"


def plot_limits(figures: Figures, folder: Path) -> Path:
    """Writes limits.png: per class, per contrast decile, per product and under disturbances."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    panels = figure.subplots(2, 2)
    _bars(panels[0, 0], figures.classes, "NG frames found, by class of the plainest flaw")
    _bars(panels[0, 1], figures.deciles, "NG frames found, by contrast decile (1: the faintest)")
    _bars(panels[1, 0], figures.products, "Balanced accuracy, by product")
    _bars(panels[1, 1], figures.robustness, "Balanced accuracy, disturbed and reworded")
    figure.suptitle(f"{figures.frames} held-out frames, direct view at threshold {figures.threshold:.2f}")
    folder.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_png(folder / NAME)
    return folder / NAME


def _bars(axes: Any, shares: Mapping[str, float], title: str) -> None:
    axes.barh([name.replace("_", " ") for name in shares], list(shares.values()), color="#2f6f9f")
    for row, share in enumerate(shares.values()):
        axes.text(min(share, 0.97), row, f" {share:.2f}", va="center", ha="left" if share < 0.9 else "right")
    axes.invert_yaxis()
    axes.set_xlim(0.0, 1.0)
    axes.set_title(title, fontsize=10)
