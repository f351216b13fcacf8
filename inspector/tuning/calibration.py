"""Calibrated probabilities: Platt's sigmoid fitted to labelled parts, and how far a score is from being one. Pure.

Fitted per line and fingerprint. Raw scores stay as they are: thresholds stand on them, and a monotone map improves no
ranking. What it changes is how sure votes make (`settle.confidence`), and what a person is told.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inspector.domain.learned import Calibration
from inspector.domain.log_odds import expit, logit
from inspector.domain.vote import LabelledVotes
from inspector.tuning.logistic_regression import fit_logistic


def fit_votes(parts: Sequence[LabelledVotes], standing: Sequence[float] | None = None) -> Calibration:
    """One sigmoid for all single votes of a line's labelled parts, as Counting takes it. `standing` says how many
    parts of the line each of these stands for; left out: all for as many. Raises ValueError where not both kinds of
    parts are there."""
    told = [
        (vote.p_ng, part.ng, stands)
        for part, stands in zip(parts, standing or [1.0] * len(parts), strict=True)
        if part.ng is not None
        for vote in part.votes
        if vote.p_ng is not None
    ]
    return fit([p_ng for p_ng, _, _ in told], [ng for _, ng, _ in told], [stands for _, _, stands in told])


def fit(p_ng: Sequence[float], ng: Sequence[bool], standing: Sequence[float] | None = None) -> Calibration:
    """Platt's sigmoid on log-odds by maximum likelihood, with targets smoothed as in Platt 1999. Raises ValueError
    where not both kinds of parts are there.

    Assumes that the log-odds of NG are linear in the score's; a reliability table on other parts shows whether.
    """
    bad = sum(ng)
    if not 0 < bad < len(ng):
        raise ValueError(f"calibration needs OK and NG parts, not {len(ng) - bad} OK and {bad} NG; label more parts")
    row_weights = np.ones(len(ng)) if standing is None else np.asarray(standing) / np.mean(standing)
    design = np.column_stack([[logit(p) for p in p_ng], np.ones(len(p_ng))])
    hit, miss = (bad + 1.0) / (bad + 2.0), 1.0 / (len(ng) - bad + 2.0)
    slope, intercept = fit_logistic(design, np.where(ng, hit, miss), row_weights=row_weights).weights.tolist()
    ng_share = float(row_weights @ np.asarray(ng)) / len(ng)
    return Calibration(slope=slope, intercept=intercept, frames=len(ng), ng_share=ng_share)


def calibrated(p_ng: float, learned: Calibration) -> float:
    """Probability of NG among parts mixed as those it was fitted on."""
    return expit(learned.slope * logit(p_ng) + learned.intercept)
