"""How a line weighs its two opinions, the model's votes and the golden samples' patches: a logistic regression on the
log-odds of both. Pure.

Fitted per line and fingerprint on labelled parts, with Platt's smoothed targets (Platt 1999). An opinion that spoke
against itself there is left out instead of being turned round: more suspicion never makes a part better.
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
from inspector.tuning.logistic_regression import fit_logistic

MIN_PER_CLASS: Final = 20  # ten parts of the rarer kind for each weight (Peduzzi 1996): 13 of each did harm
Array = NDArray[Any]


class OpinionPairs(NamedTuple):
    """Labelled parts that have both opinions, an array item a part. `stands` for so many parts of the line."""

    votes: Array
    patches: Array
    ng: Array
    stands: Array


def learn(parts: Sequence[LabelledVotes], counting: Counting, standing: Sequence[float] | None = None) -> Fusion:
    """`standing` says how many parts of the line each of these stands for; left out: all for as many. Raises
    ValueError, with the number that is missing, where too few parts have a truth and both opinions."""
    heard = _heard(parts, counting, standing)
    for kind, count in (("NG", int(heard.ng.sum())), ("OK", int((~heard.ng).sum()))):
        if count < MIN_PER_CLASS:
            raise ValueError(f"{MIN_PER_CLASS - count} labelled {kind} part(s) are missing to weigh the second opinion")
    votes, patches, intercept = _weights(heard)
    share = float(heard.stands @ heard.ng / heard.stands.sum())
    return Fusion(votes=votes, patches=patches, intercept=intercept, frames=len(heard.ng), ng_share=share)


def _heard(parts: Sequence[LabelledVotes], counting: Counting, standing: Sequence[float] | None) -> OpinionPairs:
    rows = []
    for part, stands in zip(parts, standing or [1.0] * len(parts), strict=True):
        readable = [vote for vote in part.votes if vote.p_ng is not None]
        if readable and part.opinion is not None and part.ng is not None:
            rows.append((logit(counting.voted(readable)), part.opinion.log_odds, part.ng, stands))
    votes, patches, ng, stands_for = np.array(rows, dtype=float).reshape(-1, 4).T
    return OpinionPairs(votes, patches, ng.astype(bool), stands_for)


def _weights(heard: OpinionPairs) -> list[float]:
    """Of votes and patches, and the intercept; 0 where the best weight would be negative."""
    columns, targets = (heard.votes, heard.patches, np.ones(len(heard.ng))), _smoothed(heard.ng)
    tries = ((True, True, True), (True, False, True), (False, True, True), (False, False, True))
    for used in tries:
        found = iter(
            fit_logistic(np.column_stack([*compress(columns, used)]), targets, row_weights=heard.stands).weights
        )
        weights = [float(next(found)) if use else 0.0 for use in used]
        if min(weights[:2]) >= 0.0:
            break
    return weights


def _smoothed(ng: Array) -> Array:
    bad = int(ng.sum())
    return np.where(ng, (bad + 1.0) / (bad + 2.0), 1.0 / (len(ng) - bad + 2.0))
