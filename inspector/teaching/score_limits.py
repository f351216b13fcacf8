"""Limits of a score: from good parts alone, or from OK and NG parts with exact bounds. Pure numbers."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.numerics.exact_bounds import upper_bound

Array = NDArray[Any]
GOOD_DEVIATIONS: Final = 2.0  # standard deviations above the median good part, where no NG part is known
GOOD_QUANTILE: Final = 0.95  # of good parts at or below the limit, for skewed scores
SPREAD_FLOOR: Final = 0.3  # least standard deviation, of standardised scores
MAX_WRONG_SHARE: Final = 0.10  # of passed NG parts and of rejected OK parts, upper bound
KNOWN_NG_MARGIN: Final = 0.25  # log-odds that a known NG part keeps from the pass limit


class ScoreLimits(NamedTuple):
    """Limits in log-odds of NG: PASS below `pass_below`, REJECT above `reject_above`, REVIEW between them.

    None: no part gets this disposition.
    """

    pass_below: float | None
    reject_above: float | None

    def passes(self, log_odds: Array) -> Array:
        return np.zeros(len(log_odds), bool) if self.pass_below is None else log_odds < self.pass_below

    def rejects(self, log_odds: Array) -> Array:
        return np.zeros(len(log_odds), bool) if self.reject_above is None else log_odds > self.reject_above


def spread_limit(scores: Array) -> float:
    """Return a limit from the spread of good parts' scores.

    Their spread is measured below the median: golden samples of another kind lie above it and would hide NG parts.
    """
    median = float(np.median(scores))
    below = scores[scores <= median] - median
    return median + GOOD_DEVIATIONS * max(float(np.sqrt(np.mean(below**2))), SPREAD_FLOOR)


def quantile_limit(scores: Array) -> float:
    """Return the score that few good parts exceed, for scores that are often the least possible."""
    return float(np.quantile(scores, GOOD_QUANTILE))


def certified_limits(log_odds: Array, is_ng: Array, known_ng: Array, *, may_reject: bool) -> ScoreLimits:
    """Return the widest limits whose share of wrong parts is at most MAX_WRONG_SHARE, by its upper bound.

    Neither crosses 0, where OK and NG are equally likely. No part of `known_ng` passes. None where too few parts are
    known for the bound.
    """
    highest_ok = _certified(-log_odds[~is_ng]) if may_reject else None
    reject_above = None if highest_ok is None else max(0.0, -highest_ok)
    lowest_ng = _certified(log_odds[is_ng])
    if lowest_ng is None:
        return ScoreLimits(None, reject_above)
    known = float(known_ng.min()) - KNOWN_NG_MARGIN if len(known_ng) else 0.0
    return ScoreLimits(min(0.0, lowest_ng, known), reject_above)


def assisting_limit(known_ng: Array) -> float:
    """Return a limit for too few NG parts to certify one. Such a model may only withhold a PASS."""
    return min(0.0, float(known_ng.min()) - KNOWN_NG_MARGIN)


def _certified(values: Array) -> float | None:
    """Return the highest limit below which the share of the values is certified to be small; None for too few."""
    if not len(values) or upper_bound(0, len(values)) > MAX_WRONG_SHARE:
        return None
    ordered = np.sort(values)
    allowed = max(count for count in range(len(values)) if upper_bound(count, len(values)) <= MAX_WRONG_SHARE)
    return float(ordered[allowed])
