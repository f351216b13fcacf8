"""Statistics of held-out scores; this module asks no model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inspector.domain.report import Box
from inspector.lab.synthetic import PRODUCTS, Flaw, Sample
from inspector.numerics.classification_metrics import balanced_accuracy

FAINT_SHARE: Final = 0.3  # share of the NG frames, the faintest ones, that "clear" figures leave out
DECILES: Final = 10
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ScoredSamples:
    """Samples with the model's p_ng for each."""

    samples: Sequence[Sample]
    p_ng: Array

    @property
    def ng(self) -> Array:
        return np.array([sample.ng for sample in self.samples])

    @property
    def contrast(self) -> Array:
        """Return the contrast of the main flaw of each NG sample, in order."""
        return np.array([_main_flaw(sample).contrast for sample in self.samples if sample.ng])

    def of(self, product: str) -> ScoredSamples:
        """Return only the samples of one product."""
        selected = [sample.product == product for sample in self.samples]
        return ScoredSamples([sample for sample in self.samples if sample.product == product], self.p_ng[selected])


def balanced_accuracy_at(scored: ScoredSamples, threshold: float, faintest: float = 0.0) -> float:
    """Return the balanced accuracy at a threshold, without the given share of the faintest NG frames."""
    ng, included = scored.ng, ~scored.ng
    included[ng] = scored.contrast >= np.quantile(scored.contrast, faintest)
    right = (scored.p_ng > threshold) == ng
    return balanced_accuracy(right[included], ng[included])


def best_threshold(scored: ScoredSamples) -> float:
    """Return the threshold with the highest balanced accuracy, or the median of several."""
    candidates = np.quantile(scored.p_ng, np.linspace(0.02, 0.98, 97))
    reached = np.array([balanced_accuracy_at(scored, float(threshold)) for threshold in candidates])
    return float(np.median(candidates[reached == reached.max()]))


def by_product(scored: ScoredSamples, threshold: float) -> dict[str, float]:
    """Return the balanced accuracy of each product."""
    return {name: balanced_accuracy_at(scored.of(name), threshold) for name in PRODUCTS}


def recall_by_class(scored: ScoredSamples, threshold: float) -> dict[str, float]:
    """Return the share of NG frames called NG, by the class of their main flaw."""
    called: dict[str, list[bool]] = {}
    for sample, p_ng in _ng_samples(scored):
        called.setdefault(_main_flaw(sample).defect, []).append(p_ng > threshold)
    return {name: float(np.mean(right)) for name, right in sorted(called.items())}


def recall_by_decile(scored: ScoredSamples, threshold: float) -> list[float]:
    """Return the share of NG frames called NG per tenth of contrast, the faintest first."""
    called = scored.p_ng[scored.ng][np.argsort(scored.contrast)] > threshold
    return [float(part.mean()) for part in np.array_split(called, min(DECILES, len(called)))]


def box_iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes."""
    width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box.x1 - box.x0) * (box.y1 - box.y0) for box in (a, b)]
    return shared / (sum(areas) - shared)


def _ng_samples(scored: ScoredSamples) -> Iterator[tuple[Sample, float]]:
    """Return the NG samples with their p_ng."""
    return ((sample, float(p)) for sample, p in zip(scored.samples, scored.p_ng, strict=True) if sample.ng)


def _main_flaw(sample: Sample) -> Flaw:
    """Return the main flaw of an NG sample; raise ValueError for an OK one."""
    flaw = sample.main
    if flaw is None:
        raise ValueError("an OK frame has no flaw")
    return flaw
