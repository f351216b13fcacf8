"""How well scores separate OK from NG parts, and how well they are calibrated. Pure numbers.

Weighted forms take `weights` of shape [draws, parts]: how often each part counts in each draw of a bootstrap. They
return one value per draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS: Final = 10  # of equal width, over probabilities in 0..1
DRAWS_PER_CHUNK: Final = 250  # bounds the memory of a weighted AUROC with many parts
Array = NDArray[Any]


class Bin(NamedTuple):
    """Parts whose probability lies in [low, high): their number, mean probability and share of NG parts."""

    low: float
    high: float
    parts: int
    mean_p: float
    ng_share: float


def balanced_accuracy(right: Array, ng: Array) -> float:
    """Mean of the shares of NG and of OK parts that were called right. Both arrays are boolean, one item per part."""
    return float(weighted_balanced_accuracy(np.ones((1, len(ng))), right, ng)[0])


def weighted_balanced_accuracy(weights: Array, right: Array, ng: Array) -> Array:
    shares = [weights[:, kind] @ right[kind].astype(weights.dtype) / weights[:, kind].sum(1) for kind in (ng, ~ng)]
    return np.asarray(sum(shares) / 2)


def auroc(scores: Array, ng: Array) -> float:
    """Probability that an NG part scores above an OK one; ties count half. `ng` is boolean, one item per part."""
    return float(weighted_auroc(np.ones((1, len(ng))), scores, ng)[0])


def weighted_auroc(weights: Array, scores: Array, ng: Array) -> Array:
    chunks = np.array_split(weights, -(-len(weights) // DRAWS_PER_CHUNK))
    return np.concatenate([_auroc_of_draws(chunk, scores, ng) for chunk in chunks])


def _auroc_of_draws(weights: Array, scores: Array, ng: Array) -> Array:
    """Sums the weights of equal scores first, so that ties count half."""
    values, group = np.unique(scores, return_inverse=True)
    sums = np.zeros((2, len(weights), len(values)))
    for kind, mask in enumerate((~ng, ng)):
        order = np.argsort(group[mask], kind="stable")
        present, starts = np.unique(group[mask][order], return_index=True)
        sums[kind][:, present] = np.add.reduceat(weights[:, mask][:, order].astype(float), starts, axis=1)
    ok_weights, ng_weights = sums
    below = np.cumsum(ok_weights, axis=1) - ok_weights / 2
    return np.asarray((ng_weights * below).sum(1) / (ok_weights.sum(1) * ng_weights.sum(1)))


def reliability(p_ng: Sequence[float] | Array, ng: Sequence[bool] | Array) -> list[Bin]:
    """Sort parts into equal bins of probability; empty bins are left out. Calibrated: mean_p equals ng_share."""
    probabilities, truth = np.asarray(p_ng, dtype=float), np.asarray(ng, dtype=float)
    places = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    return [_bin(place, probabilities[places == place], truth[places == place]) for place in np.unique(places).tolist()]


def _bin(place: int, probabilities: Array, truth: Array) -> Bin:
    mean_p, ng_share = float(probabilities.mean()), float(truth.mean())
    return Bin(place / BINS, (place + 1) / BINS, len(truth), mean_p, ng_share)


def calibration_error(p_ng: Sequence[float] | Array, ng: Sequence[bool] | Array) -> float:
    """Expected calibration error (Naeini 2015): mean distance between mean_p and ng_share over the bins.

    It is biased upwards where bins hold few parts, and 0 for a constant that equals the NG share.
    """
    return float(sum(each.parts * abs(each.mean_p - each.ng_share) for each in reliability(p_ng, ng)) / len(ng))
