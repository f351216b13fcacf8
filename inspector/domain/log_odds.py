"""Conversions between probabilities and log-odds. Pure numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

PROBABILITY_MARGIN: Final = 1e-6  # distance of probabilities from 0 and 1: one vote must not outweigh all others


def expit(x: float) -> float:
    """Return the probability with these natural log-odds, without overflow."""
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0.0 else math.exp(x) / (1.0 + math.exp(x))


def logit(p: float) -> float:
    """Return the natural log-odds, kept finite by PROBABILITY_MARGIN."""
    clipped = min(max(p, PROBABILITY_MARGIN), 1.0 - PROBABILITY_MARGIN)
    return math.log(clipped / (1.0 - clipped))


def with_prior(p: float, prior: float) -> float:
    """Return p for a line on which the share `prior` of parts is NG, instead of half (Bayes). A prior of a half changes
    nothing."""
    return p if prior == 0.5 else expit(logit(p) + logit(prior))


def majority_probability(leader: float, runner_up: float) -> float:
    """Return P(share > 1/2) under Beta(leader + 1, runner_up + 1), which is 1 - I_0.5(a, b)."""
    from scipy.special import betainc  # slow to import, and only hard votes need it

    return float(betainc(runner_up + 1.0, leader + 1.0, 0.5))  # equal by symmetry, and exact for small values


def mean(values: Iterable[float]) -> float:
    """Return the arithmetic mean, independent of the order of the values."""
    listed = list(values)
    return math.fsum(listed) / len(listed)  # fsum: the order of votes must not change a score
