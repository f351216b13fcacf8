"""How good a checkpoint is on frames it never saw: the figures of its model card.

Held out are the seeds, the wordings, and the disturbances as a set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from inspector.products import PRODUCTS, golden
from inspector.training.bench import VIEWS, Bench, Reported, direct, held_out, reworded
from inspector.training.disturbances import DISTURBANCES
from inspector.training.scores import (
    FAINT_SHARE,
    Scored,
    auroc,
    balanced_accuracy,
    best_threshold,
    by_product,
    calibration_error,
    recall_by_class,
    recall_by_decile,
)
from inspector.training.shots import STRAYS

STRAYS_A_KIND: Final = 8
FITS: Final = 0.5  # overlap from which a box counts as right


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on held-out frames; shares in 0..1. `views` are AUROCs; `products`, `robustness` balanced
    accuracies; `classes`, `deciles` shares of NG frames found; `out_of_scope` mean p_ng."""

    frames: int
    threshold: float
    balanced_accuracy: float
    balanced_accuracy_half: float
    balanced_accuracy_clear: float
    auroc: float
    ece: float
    defect_accuracy: float
    iou50: float
    views: Mapping[str, float]
    products: Mapping[str, float]
    classes: Mapping[str, float]
    deciles: Mapping[str, float]
    robustness: Mapping[str, float]
    out_of_scope: Mapping[str, float]


def measure(bench: Bench, *, frames: int, seed: int) -> Figures:
    """All figures. The threshold is calibrated on as many other frames."""
    threshold = best_threshold(bench.score(held_out(frames, seed + frames), direct))
    scored = bench.score(held_out(frames, seed), direct)
    reports = _reports(bench, scored, threshold)
    return Figures(
        frames=frames,
        threshold=threshold,
        balanced_accuracy=balanced_accuracy(scored, threshold),
        balanced_accuracy_half=balanced_accuracy(scored, 0.5),
        balanced_accuracy_clear=balanced_accuracy(scored, threshold, FAINT_SHARE),
        auroc=auroc(scored.p_ng, scored.ng),
        ece=calibration_error(scored),
        defect_accuracy=_share(report.right_class for report in reports),
        iou50=_share(report.iou >= FITS for report in reports),
        views=_views(bench, scored),
        products=by_product(scored, threshold),
        classes=recall_by_class(scored, threshold),
        deciles={str(k): share for k, share in enumerate(recall_by_decile(scored, threshold), 1)},
        robustness=_robustness(bench, scored, threshold),
        out_of_scope=_out_of_scope(bench, seed),
    )


def as_markdown(figures: Figures) -> str:
    """The figures as the model card's tables."""
    plain = {name: value for name in Figures.__slots__ if not isinstance(value := getattr(figures, name), Mapping)}
    tables = {name: value for name in Figures.__slots__ if isinstance(value := getattr(figures, name), Mapping)}
    return "\n\n".join(_table(name, rows) for name, rows in ({"figures": plain} | tables).items())


def _table(name: str, rows: Mapping[str, float]) -> str:
    lines = [f"| {key.replace('_', ' ')} | {value:.3f} |" for key, value in rows.items() if key != "frames"]
    return "\n".join([f"| {name.replace('_', ' ')} | |", "|---|--:|", *lines])


def _reports(bench: Bench, scored: Scored, threshold: float) -> list[Reported]:
    """Reports of the NG frames that were found."""
    called = zip(scored.samples, scored.p_ng, strict=True)
    return [bench.report(sample) for sample, p_ng in called if sample.ng and p_ng > threshold]


def _share(hits: Iterable[bool]) -> float:
    """Share of hits; 0 where nothing was tried."""
    tried = list(hits)
    return sum(tried) / max(1, len(tried))


def _views(bench: Bench, scored: Scored) -> dict[str, float]:
    return {name: auroc(bench.score(scored.samples, ask).p_ng, scored.ng) for name, ask in VIEWS.items()}


def _robustness(bench: Bench, scored: Scored, threshold: float) -> dict[str, float]:
    """At the threshold of undisturbed frames."""
    spoilt = {name: bench.disturbed(scored.samples, spoil) for name, spoil in DISTURBANCES.items()}
    rows = {"undisturbed": scored, **spoilt, "held-out wordings": bench.score(scored.samples, reworded)}
    return {name: balanced_accuracy(row, threshold) for name, row in rows.items()}


def _out_of_scope(bench: Bench, seed: int) -> dict[str, float]:
    """Pictures that show no such product: a low p_ng would be a confident OK."""
    rng, names = np.random.default_rng(seed), list(PRODUCTS)
    strange = {
        maker.__name__.strip("_"): [bench.about(names[k % len(names)], maker(rng)) for k in range(STRAYS_A_KIND)]
        for maker in STRAYS
    }
    mixed_up = [bench.about(name, golden(other, seed).pixels) for name in names for other in names if name != other]
    return {name: float(np.mean(values)) for name, values in (strange | {"another product": mixed_up}).items()}
