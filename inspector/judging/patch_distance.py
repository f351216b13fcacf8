"""How far a picture's patches lie from those of good parts. Pure numbers; knows no model and no line.

- A patch is as suspicious as it is far from the nearest golden patch, wherever in its picture that lies: parts come in
  any pose (PatchCore, Roth 2022, 2106.08265).
- The features are those of a vision transformer that was not trained for this, compared by angle; a picture is as
  suspicious as the mean of its farthest hundredth (AnomalyDINO, Damm 2025, 2405.14529). Between vectors of length 1
  the squared distance is twice the cosine distance.
- Features are projected at random to WIDTH dimensions, which keeps distances (Johnson & Lindenstrauss 1984), and at
  most MOST golden patches are kept: a greedy k-centre coreset (Sener & Savarese 2018), as PatchCore does both. Unlike
  a random sample it keeps what is rare on good parts.
- Distances are told as multiples of what is usual on the line: how far each golden sample lies from the others (leave
  one out), or, of a single one, its patches from each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.report import Box
from inspector.ports.engine import PatchMap

Array = NDArray[Any]
MAX_PATCHES: Final = 2048
FEATURE_WIDTH: Final = 128
FARTHEST_SHARE: Final = 0.01
HOT_SHARE: Final = 0.5  # of the hottest: patches that belong to its region
MIN_SQUARED_DISTANCE: Final = 1e-6  # squared distance: less is rounding


class PatchAnomaly(NamedTuple):
    """`ratio`: how far from the golden samples the picture lies, in multiples of what is usual among them. `heat`
    [rows, columns] is the same of every patch; `unlike` of its median patch, which a defect moves little."""

    ratio: float
    heat: Array
    unlike: float

    @property
    def p_ng(self) -> float:
        """No probability yet, but on its scale: a half where the picture is as usual, its log-odds ln(ratio)."""
        return self.ratio / (1.0 + self.ratio)


@dataclass(frozen=True, slots=True, eq=False)
class PatchBank:
    """Golden patches [patches, width], and the squared distances that are usual between golden samples: that of the
    farthest patches, and that of the median one."""

    patches: Array
    usual: float
    usual_median: float

    def compare(self, picture: PatchMap) -> PatchAnomaly:
        nearest = _squared(_points(picture), self.patches).min(axis=1)
        heat = nearest.reshape(picture.shape[:2]) / self.usual
        return PatchAnomaly(mean_farthest(nearest) / self.usual, heat, float(np.median(nearest)) / self.usual_median)


def build_patch_bank(golden: Sequence[PatchMap], most: int = MAX_PATCHES) -> PatchBank:
    """Raises ValueError where there are none, or where they are of different width."""
    points = [_points(picture) for picture in golden]
    every, picture = np.concatenate(points), np.repeat(np.arange(len(points)), [len(each) for each in points])
    kept = coreset(every, most)
    own = picture if len(points) > 1 else np.arange(len(every))
    nearest = _among_themselves(every, picture, own, kept)
    usual, usual_median = (
        max(float(np.mean([how(each) for each in nearest] or [0.0])), MIN_SQUARED_DISTANCE)
        for how in (mean_farthest, np.median)
    )
    return PatchBank(every[kept], usual, usual_median)


def coreset(points: Array, most: int) -> Array:
    """Which points to keep: again and again the one that is farthest from all that are kept; all where they are few."""
    if len(points) <= most:
        return np.arange(len(points))
    lengths = (points**2).sum(axis=1)
    kept, distance = [0], np.full(len(points), np.inf)
    while len(kept) < most:
        newest = kept[-1]
        distance = np.minimum(distance, lengths + lengths[newest] - 2.0 * points @ points[newest])
        distance[newest] = -np.inf
        kept.append(int(distance.argmax()))
    return np.array(kept)


def mean_farthest(nearest: Array) -> float:
    """The mean of the farthest hundredth, of one patch at least."""
    count = max(1, round(FARTHEST_SHARE * len(nearest)))
    return float(np.partition(nearest, -count)[-count:].mean())


def hottest_region(heat: Array) -> Box:
    """Around the hottest patch and all that are joined to it and at least half as hot."""
    hot, inside = heat >= HOT_SHARE * heat.max(), np.zeros(heat.shape, bool)
    inside.flat[heat.argmax()] = True
    while (grown := _grown(inside) & hot).sum() > inside.sum():
        inside = grown
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    height, width = heat.shape
    return Box(
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def _among_themselves(every: Array, picture: Array, own: Array, kept: Array) -> list[Array]:
    """How far each golden sample's patches lie from what is not its own; left out where there is nothing else."""
    found = []
    for mine in (picture == number for number in range(int(picture.max()) + 1)):
        distance = _squared(every[mine], every[kept])
        distance[own[mine][:, None] == own[kept]] = np.inf
        nearest = distance.min(axis=1)
        found += [nearest] if np.isfinite(nearest).all() else []
    return found


def _points(picture: PatchMap) -> Array:
    """The patches in any order, each of length 1 before it is projected."""
    flat = picture.reshape(-1, picture.shape[-1]).astype(np.float32)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return unit if flat.shape[1] <= FEATURE_WIDTH else np.asarray(unit @ _projection(flat.shape[1]))


@cache
def _projection(width: int) -> Array:
    drawn = np.random.default_rng(0).standard_normal((width, FEATURE_WIDTH), dtype=np.float32)
    return np.asarray(drawn / np.sqrt(np.float32(FEATURE_WIDTH)))


def _squared(some: Array, others: Array) -> Array:
    """Squared distances [some, others]; rounding never makes one negative."""
    lengths = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    return np.asarray(np.maximum(lengths - 2.0 * some @ others.T, 0.0))


def _grown(inside: Array) -> Array:
    """With the neighbours above, below, left and right."""
    wide = np.pad(inside, 1)
    return np.asarray(inside | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:])
