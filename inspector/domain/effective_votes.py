"""The effective number of correlated votes. Pure.

n equally weighted votes with mean pairwise correlation rho count as n_eff = n / (1 + (n - 1) rho) independent votes
(design effect; Kish 1965). For any correlation matrix R this equals n² / (1'R1): the variance of one vote divided by
the variance of their mean. The best weighted mean would be worth 1'R⁻¹1; no counting method here uses such weights.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inspector.domain.declared import FRAME_VIEWS, ViewName
from inspector.domain.learned import ViewPair

PRIOR_CORRELATION: Final = 0.7  # of views that show different pictures, until learned
SAME_PICTURES_CORRELATION: Final = 0.95  # of views that differ in words only, until learned; measured: 0.95 and more


@dataclass(frozen=True, slots=True)
class Correlations:
    """The correlations between a line's votes.

    `default` applies to every pair of views that `pairs` does not list, `same_pictures` to those of them that show the
    same pictures; None: `default` too.
    """

    default: float = PRIOR_CORRELATION
    pairs: tuple[ViewPair, ...] = ()
    same_pictures: float | None = None

    def between(self, one: ViewName, other: ViewName) -> float:
        """Return the correlation between two votes of these views."""
        learned = (pair.rho for pair in self.pairs if {pair.one, pair.other} == {one, other})
        return next(learned, self._unlearned(one, other))

    def _unlearned(self, one: ViewName, other: ViewName) -> float:
        return self.default if self.same_pictures is None or not show_alike(one, other) else self.same_pictures

    def mean(self, views: Sequence[ViewName]) -> float:
        """Return the mean over all pairs of these votes; 0 for a single vote."""
        counts, pairs = Counter(views), len(views) * (len(views) - 1)
        total = math.fsum(self.between(a, b) * counts[a] * (counts[b] - (a is b)) for a in counts for b in counts)
        return total / pairs if pairs else 0.0


def show_alike(one: ViewName, other: ViewName) -> bool:
    """Return whether two views show the model the same pictures."""
    return one is other or {one, other} <= FRAME_VIEWS


def prior_correlation(one: ViewName, other: ViewName) -> float:
    """Return the correlation of two views about which nothing is learned."""
    return SAME_PICTURES_CORRELATION if show_alike(one, other) else PRIOR_CORRELATION


def effective_votes(n: float, rho: float) -> float:
    """Return the number of independent votes that n votes with mean pairwise correlation rho are worth."""
    return n / (1.0 + (n - 1.0) * rho) if n else 0.0
