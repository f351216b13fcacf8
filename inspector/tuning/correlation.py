"""The correlation of a line's votes, learned from its stored votes. Pure.

The correlated values are the votes' log-odds, minus their mean among parts of the same truth. What several votes share
beyond the truth makes them err together. The estimate is the product-moment correlation over all pairs of votes about
the same part. For two votes of one view this is Fisher's intraclass correlation (Fisher 1925; "pairwise estimator" in
Donner 1986); across two views it is the same sum.

Where hardly any truth is known, the mean of all parts is subtracted instead. The truth itself then counts as shared.
Between views that distinguish OK from NG about equally well the estimate is too high, so the discount errs on the safe
side.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Final

from inspector.domain.declared import ViewName
from inspector.domain.effective_votes import prior_correlation
from inspector.domain.learned import ViewPair
from inspector.domain.log_odds import mean
from inspector.domain.vote import LabelledVotes

# An estimate from N parts of correlation 0.7 varies by (1 - 0.7²)² / N. Published values scatter by about 0.08 around
# 0.7, so the prior is worth the N for which both are equal: 40.
PRIOR_PARTS: Final = 40
MIN_SPREAD: Final = 1e-9  # squared log-odds; smaller values are rounding errors

Residuals = dict[ViewName, list[float]]
Group = tuple[ViewName, bool | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """The correlation of two views on these `parts`: raw, and shrunk to the prior according to their number."""

    one: ViewName
    other: ViewName
    raw: float
    parts: int

    @property
    def rho(self) -> float:
        """The weighted mean of estimate and prior, in 0..1. Votes that contradict each other are worth no more than
        independent ones."""
        prior = prior_correlation(self.one, self.other)
        shrunk = (self.parts * self.raw + PRIOR_PARTS * prior) / (self.parts + PRIOR_PARTS)
        return min(max(shrunk, 0.0), 1.0)


def learn(parts: Iterable[LabelledVotes]) -> tuple[ViewPair, ...]:
    """Return one line's correlations in the form that its pipeline stores."""
    return tuple(ViewPair(one=each.one, other=each.other, rho=each.rho) for each in estimate(parts))


def estimate(parts: Iterable[LabelledVotes]) -> list[Estimate]:
    """Estimate the correlation of every pair of views that both answered about some part.

    Parts without a truth are used only where fewer than PRIOR_PARTS have one.
    """
    listed = list(parts)
    labelled = [part for part in listed if part.ng is not None]
    residuals = _residuals(labelled if len(labelled) >= PRIOR_PARTS else listed)
    kinds = sorted({view for part in residuals for view in part})
    estimates = (_estimate(one, other, residuals) for one, other in combinations_with_replacement(kinds, 2))
    return [each for each in estimates if each is not None]


def _residuals(parts: Sequence[LabelledVotes]) -> list[Residuals]:
    """Return each part's votes by view, as distances from the mean of their view and truth."""
    groups: dict[Group, list[float]] = defaultdict(list)
    for part in parts:
        for view, log_odds in _readable(part):
            groups[view, part.ng].append(log_odds)
    centres = {group: mean(values) for group, values in groups.items()}
    return [_apart(part, centres) for part in parts]


def _apart(part: LabelledVotes, centres: dict[Group, float]) -> Residuals:
    residuals: Residuals = defaultdict(list)
    for view, log_odds in _readable(part):
        residuals[view].append(log_odds - centres[view, part.ng])
    return residuals


def _readable(part: LabelledVotes) -> Iterator[tuple[ViewName, float]]:
    return ((vote.view, vote.log_odds) for vote in part.votes if vote.p_ng is not None)


def _estimate(one: ViewName, other: ViewName, residuals: Sequence[Residuals]) -> Estimate | None:
    """Estimate one pair; None where no part has such a pair, or where all votes of a view are equal."""
    pairs = [
        (part[one], part[other]) for part in residuals if len(part.get(one, ())) > (one is other) and other in part
    ]
    sums = [_same(a) if one is other else _across(a, b) for a, b in pairs]
    product, spread_one, spread_other = (math.fsum(column) for column in zip(*sums, strict=True)) if sums else (0, 0, 0)
    if min(spread_one, spread_other) < MIN_SPREAD:
        return None
    return Estimate(one, other, product / math.sqrt(spread_one * spread_other), len(pairs))


def _same(votes: list[float]) -> tuple[float, float, float]:
    """Return sums over the ordered pairs of different votes: of products, and of squares of either vote."""
    squares = math.fsum(vote * vote for vote in votes)
    spread = (len(votes) - 1) * squares
    return math.fsum(votes) ** 2 - squares, spread, spread


def _across(one: list[float], other: list[float]) -> tuple[float, float, float]:
    """Return the same sums over all pairs of one vote of each view."""
    product = math.fsum(one) * math.fsum(other)
    return (
        product,
        len(other) * math.fsum(vote * vote for vote in one),
        len(one) * math.fsum(vote * vote for vote in other),
    )
