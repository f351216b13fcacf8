"""The distance of a picture's patches from those of good parts. Pure numbers, independent of models and lines.

- A patch is as suspicious as its distance to the nearest golden patch, at any position: parts come in any pose
  (PatchCore, Roth 2022, 2106.08265).
- The features come from a vision transformer that was not trained for this task, and are compared by angle. A picture's
  score is the mean of its farthest hundredth of patches (AnomalyDINO, Damm 2025, 2405.14529). Between vectors of length
  1 the squared distance is twice the cosine distance.
- Features are projected at random to FEATURE_WIDTH dimensions, which preserves distances (Johnson & Lindenstrauss
  1984). At most MAX_PATCHES golden patches are kept: a greedy k-centre coreset (Sener & Savarese 2018). PatchCore does
  both. Unlike a random sample, a coreset keeps patches that are rare on good parts.
- Distances are multiples of the line's usual distance: that of each golden sample from the others (leave one out), or,
  with a single sample, of its patches from each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from inspector.domain.report import Box
from inspector.ports.engine import PatchMap

Array = NDArray[Any]
MAX_PATCHES: Final = 2048  # golden patches per line
FEATURE_WIDTH: Final = 128  # dimensions after the projection
FARTHEST_SHARE: Final = 0.01  # of a picture's patches, whose mean distance is its score
HOT_SHARE: Final = 0.5  # of the hottest patch's heat; patches above it belong to its region
MIN_SQUARED_DISTANCE: Final = 1e-6  # smaller values are rounding errors


class PatchAnomaly(NamedTuple):
    """The distance of a picture from the golden samples.

    `ratio` is that distance in multiples of the usual one. `heat` [rows, columns] is the same for every patch. `unlike`
    is the same for the median patch, which a defect hardly changes.
    """

    ratio: float
    heat: Array
    unlike: float

    @property
    def p_ng(self) -> float:
        """Not yet a probability, but on its scale: 0.5 for a usual picture, with log-odds ln(ratio)."""
        return self.ratio / (1.0 + self.ratio)


@dataclass(frozen=True, slots=True, eq=False)
class PatchBank:
    """Golden patches [patches, width], and the usual squared distances between golden samples.

    `usual` is that of the farthest patches, `usual_median` that of the median patch.
    """

    patches: Array
    usual: float
    usual_median: float

    def compare(self, picture: PatchMap) -> PatchAnomaly:
        """Compare a picture's patches with the golden patches."""
        nearest = _squared(_points(picture), self.patches).min(axis=1)
        heat = nearest.reshape(picture.shape[:2]) / self.usual
        return PatchAnomaly(mean_farthest(nearest) / self.usual, heat, float(np.median(nearest)) / self.usual_median)


def build_patch_bank(golden: Sequence[PatchMap], max_patches: int = MAX_PATCHES) -> PatchBank:
    """Build the bank from the golden samples' patches.

    Raises ValueError where there are none, or where their widths differ.
    """
    points = [_points(picture) for picture in golden]
    every, picture = np.concatenate(points), np.repeat(np.arange(len(points)), [len(each) for each in points])
    kept = coreset(every, max_patches)
    own = picture if len(points) > 1 else np.arange(len(every))
    nearest = _among_themselves(every, picture, own, kept)
    usual, usual_median = (
        max(float(np.mean([how(each) for each in nearest] or [0.0])), MIN_SQUARED_DISTANCE)
        for how in (mean_farthest, np.median)
    )
    return PatchBank(every[kept], usual, usual_median)


def coreset(points: Array, max_points: int) -> Array:
    """Choose which points to keep: repeatedly the one farthest from all kept points. Few points are all kept."""
    if len(points) <= max_points:
        return np.arange(len(points))
    lengths = (points**2).sum(axis=1)
    kept, distance = [0], np.full(len(points), np.inf)
    while len(kept) < max_points:
        newest = kept[-1]
        distance = np.minimum(distance, lengths + lengths[newest] - 2.0 * points @ points[newest])
        distance[newest] = -np.inf
        kept.append(int(distance.argmax()))
    return np.array(kept)


def mean_farthest(nearest: Array) -> float:
    """Return the mean of the farthest hundredth, of one patch at least."""
    count = max(1, round(FARTHEST_SHARE * len(nearest)))
    return float(np.partition(nearest, -count)[-count:].mean())


def hottest_region(heat: Array) -> Box:
    """Return the box around the hottest patch and all connected patches that are at least HOT_SHARE as hot."""
    regions = label(heat >= HOT_SHARE * heat.max())[0]
    inside = regions == regions.flat[heat.argmax()]
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    height, width = heat.shape
    return Box(
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def _among_themselves(every: Array, picture: Array, own: Array, kept: Array) -> list[Array]:
    """Return each golden sample's patch distances to the patches of the others; left out where there are no others."""
    distances = []
    for mine in (picture == number for number in range(int(picture.max()) + 1)):
        distance = _squared(every[mine], every[kept])
        distance[own[mine][:, None] == own[kept]] = np.inf
        nearest = distance.min(axis=1)
        distances += [nearest] if np.isfinite(nearest).all() else []
    return distances


def _points(picture: PatchMap) -> Array:
    """Return the patches as rows, each of length 1 before projection."""
    flat = picture.reshape(-1, picture.shape[-1]).astype(np.float32)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return unit if flat.shape[1] <= FEATURE_WIDTH else np.asarray(unit @ _projection(flat.shape[1]))


@cache
def _projection(width: int) -> Array:
    drawn = np.random.default_rng(0).standard_normal((width, FEATURE_WIDTH), dtype=np.float32)
    return np.asarray(drawn / np.sqrt(np.float32(FEATURE_WIDTH)))


def _squared(some: Array, others: Array) -> Array:
    """Return squared distances [some, others]. Rounding never makes one negative."""
    lengths = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    return np.asarray(np.maximum(lengths - 2.0 * some @ others.T, 0.0))
