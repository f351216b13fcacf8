"""Calibrated probabilities: Platt's sigmoid fitted to labelled parts. Pure.

Fitted per line and fingerprint. Raw scores stay unchanged: thresholds refer to them, and a monotone map improves no
ranking. Calibration changes the confidence of votes (`settle.confidence`) and the probabilities shown to people.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inspector.domain.learned import Calibration
from inspector.domain.log_odds import logit
from inspector.domain.vote import LabelledVotes
from inspector.numerics.logistic_regression import fit_logistic


def fit_votes(parts: Sequence[LabelledVotes], part_weights: Sequence[float] | None = None) -> Calibration:
    """Fit one sigmoid to all single votes of a line's labelled parts, in the form that Counting takes.

    `part_weights` is the number of the line's parts that each part represents; by default all represent equally many.
    Raises ValueError unless parts of both classes are present.
    """
    labelled = [
        (vote.p_ng, part.ng, weight)
        for part, weight in zip(parts, part_weights or [1.0] * len(parts), strict=True)
        if part.ng is not None
        for vote in part.votes
        if vote.p_ng is not None
    ]
    return fit([p_ng for p_ng, _, _ in labelled], [ng for _, ng, _ in labelled], [weight for _, _, weight in labelled])


def fit(p_ng: Sequence[float], ng: Sequence[bool], part_weights: Sequence[float] | None = None) -> Calibration:
    """Fit Platt's sigmoid on log-odds by maximum likelihood, with smoothed targets (Platt 1999).

    Raises ValueError unless parts of both classes are present. The fit assumes that the log-odds of NG are linear in
    the score's log-odds; a reliability table on other parts shows whether they are.
    """
    bad = sum(ng)
    if not 0 < bad < len(ng):
        raise ValueError(f"calibration needs OK and NG parts, not {len(ng) - bad} OK and {bad} NG; label more parts")
    row_weights = np.ones(len(ng)) if part_weights is None else np.asarray(part_weights) / np.mean(part_weights)
    design = np.column_stack([[logit(p) for p in p_ng], np.ones(len(p_ng))])
    hit, miss = (bad + 1.0) / (bad + 2.0), 1.0 / (len(ng) - bad + 2.0)
    slope, intercept = fit_logistic(design, np.where(ng, hit, miss), row_weights=row_weights).weights.tolist()
    ng_share = float(row_weights @ np.asarray(ng)) / len(ng)
    return Calibration(slope=slope, intercept=intercept, frames=len(ng), ng_share=ng_share)
