"""Probabilities as odds. Pure numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

PROBABILITY_MARGIN: Final = (
    1e-6  # probabilities are kept this far from 0 and 1, so that one vote can't outweigh all others
)


def expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0.0 else math.exp(x) / (1.0 + math.exp(x))


def logit(p: float) -> float:
    """Natural log-odds, finite by CERTAIN."""
    clipped = min(max(p, PROBABILITY_MARGIN), 1.0 - PROBABILITY_MARGIN)
    return math.log(clipped / (1.0 - clipped))


def with_prior(p: float, prior: float) -> float:
    """p where `prior` of all parts are NG instead of half (Bayes); a prior of a half changes nothing."""
    return p if prior == 0.5 else expit(logit(p) + logit(prior))


def majority_probability(leader: float, runner_up: float) -> float:
    """P(share > 1/2) under Beta(leader + 1, runner_up + 1): 1 - I_0.5(a, b)."""
    from scipy.special import betainc  # scipy takes a while to import and only hard votes need it

    return float(betainc(runner_up + 1.0, leader + 1.0, 0.5))  # the same by symmetry, and exact where it is small


def mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)  # fsum: the order in which votes come must not change a score
