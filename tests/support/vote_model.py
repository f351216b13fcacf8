"""A model of stored votes: log-odds of OK and NG parts, asked by the default rule, reviewed at uneven shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import Disposition
from inspector.ports.tuning import UNREVIEWED
from inspector.tuning.threshold_evidence import DISPOSITIONS, NG, OK, DispositionSample, VoteEvidence
from inspector.tuning.vote_table import LimitGrid, ReplayedOutcome

Array = NDArray[Any]
ALL_REVIEWED: Final[Mapping[Disposition, float]] = dict.fromkeys(Disposition, 1.0)


def evidence_of_scores(scores: Array, ng: Array, grid: LimitGrid, live: tuple[float, float]) -> VoteEvidence:
    """Build evidence from one score per part, all reviewed; the live limits gave each part its disposition."""
    columns, rows = np.array(grid.pass_below)[None, None, :], np.array(grid.reject_above)[None, :, None]
    score = scores[:, None, None]
    passed = np.where(score < columns, ReplayedOutcome.PASS, ReplayedOutcome.REVIEW)
    outcomes = np.where(score > rows, ReplayedOutcome.REJECT, passed).astype(np.int8)
    names = np.where(scores < live[0], "PASS", np.where(scores > live[1], "REJECT", "REVIEW"))
    kinds = np.array([DISPOSITIONS.index(Disposition(name)) for name in names])
    draw = np.random.default_rng(len(scores)).random(len(scores))
    return reviewed(VoteEvidence(grid, outcomes, np.where(ng, NG, OK), kinds, draw, ()), ALL_REVIEWED, 0)


def reviewed(evidence: VoteEvidence, shares: Mapping[Disposition, float], seed: int) -> VoteEvidence:
    """Review this share of each disposition, chosen at random; the other answers are removed."""
    dice = np.random.default_rng(seed)
    truth, samples = np.full(len(evidence.truth), UNREVIEWED), []
    for number, disposition in enumerate(DISPOSITIONS):
        here = np.flatnonzero(evidence.disposition == number)
        asked = dice.choice(here, round(shares[disposition] * len(here)), replace=False) if len(here) else here
        truth[asked] = evidence.truth[asked]
        samples.append(DispositionSample(disposition, len(here), len(here), len(asked)))
    return replace(evidence, truth=truth, samples=tuple(samples), draw=dice.random(len(truth)))


def drawn_scores(parts: int, seed: int, ng_share: float = 0.3) -> tuple[Array, Array]:
    """Draw scores that overlap: NG parts around 0.9, with a tail among the good ones."""
    dice = np.random.default_rng(seed)
    ng = dice.random(parts) < ng_share
    log_odds = np.where(ng, dice.normal(2.2, 1.6, parts), dice.normal(-2.6, 1.4, parts))
    return 1.0 / (1.0 + np.exp(-log_odds)), ng
