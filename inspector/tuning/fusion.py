"""The fusion of a line's two opinions, the model's votes and the golden samples' patches. Pure.

It is a logistic regression on the log-odds of both, fitted per line and fingerprint on labelled parts with smoothed
targets (Platt 1999). An opinion whose weight would be negative is left out instead of inverted: more suspicion never
makes a part better.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.learned import Fusion
from inspector.domain.log_odds import logit
from inspector.domain.vote import Counting, LabelledVotes
from inspector.numerics.logistic_regression import fit_logistic

MIN_PER_CLASS: Final = 20  # ten parts of the rarer class per weight (Peduzzi 1996); 13 of each made results worse
Array = NDArray[Any]


class OpinionPairs(NamedTuple):
    """Labelled parts that have both opinions, one array item per part.

    `part_weights` is the number of the line's parts that each represents.
    """

    votes: Array
    patches: Array
    ng: Array
    part_weights: Array


def learn(parts: Sequence[LabelledVotes], counting: Counting, part_weights: Sequence[float] | None = None) -> Fusion:
    """Fit the weights of both opinions.

    `part_weights` is the number of the line's parts that each part represents; by default all represent equally many.
    Raises ValueError, with the missing number, where too few parts have a truth and both opinions.
    """
    pairs = _opinion_pairs(parts, counting, part_weights)
    for kind, count in (("NG", int(pairs.ng.sum())), ("OK", int((~pairs.ng).sum()))):
        if count < MIN_PER_CLASS:
            raise ValueError(
                f"{MIN_PER_CLASS - count} labelled {kind} part(s) are missing for the fusion with the second opinion"
            )
    votes, patches, intercept = _weights(pairs)
    share = float(pairs.part_weights @ pairs.ng / pairs.part_weights.sum())
    return Fusion(votes=votes, patches=patches, intercept=intercept, frames=len(pairs.ng), ng_share=share)


def _opinion_pairs(
    parts: Sequence[LabelledVotes], counting: Counting, part_weights: Sequence[float] | None
) -> OpinionPairs:
    rows = []
    for part, weight in zip(parts, part_weights or [1.0] * len(parts), strict=True):
        readable = [vote for vote in part.votes if vote.is_read(counting.min_readable)]
        if readable and part.opinion is not None and part.ng is not None:
            rows.append((logit(counting.voted(readable)), part.opinion.log_odds, part.ng, weight))
    votes, patches, ng, weights = np.array(rows, dtype=float).reshape(-1, 4).T
    return OpinionPairs(votes, patches, ng.astype(bool), weights)


def _weights(pairs: OpinionPairs) -> list[float]:
    """Return the weights of votes and patches, and the intercept; 0 where the best weight would be negative."""
    columns, targets = (pairs.votes, pairs.patches, np.ones(len(pairs.ng))), _smoothed(pairs.ng)
    tries = ((True, True, True), (True, False, True), (False, True, True), (False, False, True))
    for used in tries:
        fitted = iter(
            fit_logistic(np.column_stack([*compress(columns, used)]), targets, row_weights=pairs.part_weights).weights
        )
        weights = [float(next(fitted)) if use else 0.0 for use in used]
        if min(weights[:2]) >= 0.0:
            break
    return weights


def _smoothed(ng: Array) -> Array:
    bad = int(ng.sum())
    return np.where(ng, (bad + 1.0) / (bad + 2.0), 1.0 / (len(ng) - bad + 2.0))
