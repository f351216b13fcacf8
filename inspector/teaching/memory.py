"""Memory: the distance of a part's patches from those of good parts (PatchCore, Roth 2022, 2106.08265).

- Distances are taken after whitening: a direction in which good patches hardly vary counts most. On the lines measured
  this ranks better than the angle between features (docs/decisions/0082-taught-by-what-the-line-chooses.md).
- Patches are compared twice, each alone and as the mean with its neighbours. Fine defects need the first, texture the
  second.
- A part's score is the mean over both of the log of the mean distance of its farthest patches, in standard deviations
  from the good parts' own scores, each compared with all others that share no group with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from inspector.teaching.coreset import coreset
from inspector.teaching.part_features import patches_of

Array = NDArray[Any]
NEIGHBOURHOODS: Final = (1, 3)  # sides, in patches, over which patches are averaged
BANK_PATCHES: Final = 900  # good patches kept per neighbourhood
CANDIDATE_PATCHES: Final = 12_000  # good patches among which those are chosen
SHRINKAGE: Final = 0.3  # of the mean variance, added to each direction's own before whitening
FARTHEST_SHARE: Final = 0.03  # of a part's patches, whose mean distance is its score
MIN_SPREAD: Final = 0.02  # least standard deviation of good parts' log scores
MIN_DISTANCE: Final = 1e-6


class PatchScores(NamedTuple):
    """A part's score, and the heat of each patch on the same scale."""

    score: float
    heat: Array


class PatchMemory(NamedTuple):
    """The good patches of one neighbourhood, whitened. `centre` and `spread`: of good parts' log scores."""

    side: int
    mean: Array
    whitening: Array
    bank: Array
    centre: float
    spread: float

    def distances(self, feature_map: Array) -> Array:
        """Return the squared distance of each patch [rows, columns] to the nearest good one."""
        nearest = _squared(self._whitened(feature_map), self.bank).min(axis=1)
        return np.asarray(nearest.reshape(feature_map.shape[:2]))

    def standardised(self, distances: Array) -> PatchScores:
        log_heat = np.log(np.maximum(distances, MIN_DISTANCE))
        return PatchScores((_log_score(distances) - self.centre) / self.spread, (log_heat - self.centre) / self.spread)

    def _whitened(self, feature_map: Array) -> Array:
        return np.asarray((patches_of(averaged(feature_map, self.side)) - self.mean) @ self.whitening)


class Memory(NamedTuple):
    """The memory of one feature map, with a member per neighbourhood."""

    members: tuple[PatchMemory, ...]

    def scores(self, feature_map: Array) -> PatchScores:
        parts = [member.standardised(member.distances(feature_map)) for member in self.members]
        return PatchScores(
            float(np.mean([part.score for part in parts])), np.mean([part.heat for part in parts], axis=0)
        )

    def arrays(self) -> dict[str, Array]:
        """Return the arrays to store."""
        named: dict[str, Array] = {}
        for member in self.members:
            values = {"mean": member.mean, "whitening": member.whitening, "bank": member.bank.astype(np.float16)}
            values["scale"] = np.array([member.centre, member.spread])
            named |= {f"{member.side}/{name}": value for name, value in values.items()}
        return named

    @classmethod
    def of_arrays(cls, arrays: dict[str, Array]) -> Memory:
        return cls(tuple(_stored_member(side, arrays) for side in NEIGHBOURHOODS))


class LearnedMemory(NamedTuple):
    """A memory, and each good part's score against the parts of all other groups."""

    memory: Memory
    good_scores: Array


def learn_memory(maps: Sequence[Array], groups: Sequence[str]) -> LearnedMemory:
    """Learn from the maps of good parts. Raises ValueError for fewer than two groups."""
    if len(set(groups)) < 2:
        raise ValueError("good parts of two groups at least are needed")
    learned = [_learn_member(maps, np.unique(groups, return_inverse=True)[1], side) for side in NEIGHBOURHOODS]
    return LearnedMemory(Memory(tuple(member for member, _ in learned)), np.mean([own for _, own in learned], axis=0))


def averaged(feature_map: Array, side: int) -> Array:
    """Return a map whose patches are means over a neighbourhood of side x side patches."""
    wide = np.asarray(feature_map, np.float32)
    return wide if side == 1 else np.asarray(uniform_filter(wide, (side, side, 1), mode="nearest"))


def _learn_member(maps: Sequence[Array], group: Array, side: int) -> tuple[PatchMemory, Array]:
    points = [patches_of(averaged(each, side)) for each in maps]
    mean, whitening = _whitening(np.concatenate([each[::5] for each in points]))
    points = [(each - mean) @ whitening for each in points]
    candidates, owner = _candidates(points)
    kept = coreset(candidates, BANK_PATCHES)
    bank, owners = candidates[kept].astype(np.float16).astype(np.float32), group[owner[kept]]
    logs = np.array([_log_score(_left_out(each, bank, owners != own)) for each, own in zip(points, group, strict=True)])
    centre, spread = float(np.median(logs)), max(float(logs.std()), MIN_SPREAD)
    return PatchMemory(side, mean, whitening, bank, centre, spread), (logs - centre) / spread


def _whitening(points: Array) -> tuple[Array, Array]:
    mean = points.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov((points - mean).T))
    gains = 1.0 / np.sqrt(np.maximum(variances, 0.0) + SHRINKAGE * variances.mean() + np.finfo(np.float32).tiny)
    return mean, np.asarray((directions * gains) @ directions.T, np.float32)


def _candidates(points: Sequence[Array]) -> tuple[Array, Array]:
    """Return as many patches of each part as the limit allows, spread evenly, and the parts' numbers."""
    share = max(1, CANDIDATE_PATCHES // len(points))
    chosen = [each[np.linspace(0, len(each) - 1, min(share, len(each))).astype(int)] for each in points]
    return np.concatenate(chosen), np.repeat(np.arange(len(points)), [len(each) for each in chosen])


def _left_out(points: Array, bank: Array, others: Array) -> Array:
    """Return the distances to the patches of other groups; to all where the coreset holds none of theirs."""
    return np.asarray(_squared(points, bank[others] if others.any() else bank).min(axis=1))


def _log_score(distances: Array) -> float:
    flat = distances.ravel()
    count = max(1, round(FARTHEST_SHARE * len(flat)))
    return float(np.log(max(float(np.partition(flat, -count)[-count:].mean()), MIN_DISTANCE)))


def _stored_member(side: int, arrays: dict[str, Array]) -> PatchMemory:
    centre, spread = (float(value) for value in arrays[f"{side}/scale"])
    bank = arrays[f"{side}/bank"].astype(np.float32)
    return PatchMemory(side, arrays[f"{side}/mean"], arrays[f"{side}/whitening"], bank, centre, spread)


def _squared(some: Array, others: Array) -> Array:
    """Return squared distances [some, others]. Rounding never makes one negative."""
    lengths = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    return np.asarray(np.maximum(lengths - 2.0 * some @ others.T, 0.0))
