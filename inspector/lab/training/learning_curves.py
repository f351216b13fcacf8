"""Draws the learning curves of a training run into the model's folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SMOOTHING_STEPS: Final = 25  # steps per mean of a loss curve


def plot_curves(history: Sequence[dict[str, float | str]], folder: Path) -> None:
    """Write training.png: losses above, held-out AUROC below, with both stages one after the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    losses, checks = figure.subplots(2, 1, sharex=True)
    for axes, keys in ((losses, ("vision_loss", "language_loss")), (checks, ("vision_auroc", "verdict_auroc"))):
        for key in keys:
            places, values = _series(history, key)
            axes.plot(places, _smooth(values) if axes is losses else values, label=key.replace("_", " "))
        axes.legend()
        axes.grid(alpha=0.3)
    losses.set_yscale("log")
    checks.set_xlabel("step (stage 1, then stage 2)")
    figure.suptitle("Training of the embedded model")
    fresh = folder / ".training.new.png"
    FigureCanvasAgg(figure).print_png(fresh)
    os.replace(fresh, folder / "training.png")


def _series(history: Sequence[dict[str, float | str]], key: str) -> tuple[list[int], list[float]]:
    """Return positions and values of the rows that have this key."""
    points = [(place, float(row[key])) for place, row in enumerate(history, 1) if key in row]
    return [place for place, _ in points], [value for _, value in points]


def _smooth(values: list[float]) -> list[float]:
    """Return the running mean over SMOOTHING_STEPS values."""
    return [
        sum(values[max(0, k - SMOOTHING_STEPS + 1) : k + 1]) / min(k + 1, SMOOTHING_STEPS) for k in range(len(values))
    ]
