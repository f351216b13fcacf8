"""Votes and how they are tallied. Pure.

A vote is one answer to one view: `p_ng` read from the verdict token's logits. An unreadable answer votes for
nobody, but is kept and counted. Votes of one model on one picture are correlated, so n votes are worth
n_eff = n / (1 + (n - 1) rho) independent ones (design effect; Kish 1965).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from inspector.pipeline import Count, Settle, Thresholds, ViewName
from inspector.text import printable

CERTAIN: Final = 1e-6  # probabilities are kept this far from 0 and 1, so that one vote can't outweigh all others
PRIOR_CORRELATION: Final = 0.7  # measured for one VLM on paraphrased prompts: 0.71 to 0.81; used until learned


class StoppedBy(StrEnum):
    """Why the ladder ended: confident enough; nothing left could change the outcome; all rungs asked; no time
    for the next rung; an error."""

    SETTLED = "SETTLED"
    DECIDED = "DECIDED"
    LADDER_END = "LADDER_END"
    DEADLINE = "DEADLINE"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer. `p_ng` is None when the answer could not be read. `ms`: time from asking to answer."""

    view: ViewName
    rung: int
    p_ng: float | None
    tokens: int = 0
    ms: float = 0.0
    text: str = ""

    def __post_init__(self) -> None:
        if self.p_ng is not None and not 0.0 <= self.p_ng <= 1.0:
            raise ValueError(f"p_ng {self.p_ng} is not a probability")
        object.__setattr__(self, "text", printable(self.text))

    @property
    def log_odds(self) -> float:
        """Natural log-odds of NG, finite by CERTAIN. Raises ValueError for an unreadable answer."""
        if self.p_ng is None:
            raise ValueError("an unreadable answer has no log-odds")
        clipped = min(max(self.p_ng, CERTAIN), 1.0 - CERTAIN)
        return math.log(clipped / (1.0 - clipped))

    @property
    def ng(self) -> float:
        """1 for NG, 0 for OK, and a half where the model could not tell: doubt is no vote for OK."""
        return 0.5 if self.log_odds == 0.0 else float(self.log_odds > 0.0)


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes combined. `score` is p_ng of the part; `agreement` the share of readable votes on the leader's side."""

    votes: tuple[Vote, ...] = ()
    count: Count = Count.SOFT
    correlation: float = PRIOR_CORRELATION

    @property
    def readable(self) -> tuple[Vote, ...]:
        return tuple(vote for vote in self.votes if vote.p_ng is not None)

    @property
    def n_eff(self) -> float:
        return effective(len(self.readable), self.correlation)

    @property
    def score(self) -> float | None:
        """p_ng of the part in 0..1; None while no answer was readable. Majority counts shares of hard votes."""
        return _score(self.readable, self.count) if self.readable else None

    @property
    def agreement(self) -> float | None:
        if not self.readable:
            return None
        ng = sum(vote.ng for vote in self.readable)
        return max(ng, len(self.readable) - ng) / len(self.readable)

    @property
    def confidence(self) -> float:
        """Posterior probability of the leading side, 0.5..1, from discounted votes.

        soft: sigmoid of n_eff times the mean log-odds. majority: Beta(1, 1) posterior on n_eff votes
        (Adaptive-Consistency, Aggarwal 2023, on discounted counts).
        """
        if not self.readable:
            return 0.5
        if self.count is Count.SOFT:
            return expit(abs(self.n_eff * _mean(vote.log_odds for vote in self.readable)))
        share = self.agreement or 0.5
        return _beta_leads(share * self.n_eff, (1.0 - share) * self.n_eff)

    def add(self, vote: Vote) -> Tally:
        return Tally((*self.votes, vote), self.count, self.correlation)


def settled(tally: Tally, settle: Settle, thresholds: Thresholds) -> bool:
    """Confident enough, and on one side of both thresholds: doubt never settles."""
    score = tally.score
    if score is None or tally.confidence < settle.confidence:
        return False
    return score < thresholds.pass_below or score > thresholds.reject_above


def decided(tally: Tally, remaining: int, thresholds: Thresholds) -> bool:
    """Futility: no answers that `remaining` more votes could give would change the disposition."""
    if remaining <= 0:
        return True
    score = tally.score
    if score is None:
        return False
    lowest, highest = _reachable(tally, remaining)
    return (
        highest < thresholds.pass_below
        or lowest > thresholds.reject_above
        or (lowest >= thresholds.pass_below and highest <= thresholds.reject_above)
    )


def correlation(settle: Settle) -> float:
    """The declared vote correlation, or the prior while none has been learned."""
    return PRIOR_CORRELATION if settle.vote_correlation == "learned" else settle.vote_correlation


def effective(n: int, rho: float) -> float:
    """How many independent votes n votes of pairwise correlation rho are worth."""
    return n / (1.0 + (n - 1) * rho) if n else 0.0


def expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0.0 else math.exp(x) / (1.0 + math.exp(x))


def _score(readable: Sequence[Vote], count: Count) -> float:
    """p_ng of the part from one or more readable votes."""
    if count is Count.MAJORITY:
        return _mean(vote.ng for vote in readable)
    return expit(_mean(vote.log_odds for vote in readable))


def _reachable(tally: Tally, remaining: int) -> tuple[float, float]:
    """The scores if all that remain said OK, or NG: as far as any answers could move it."""
    ok, ng = ((Vote(ViewName.DIRECT, 0, p_ng),) * remaining for p_ng in (0.0, 1.0))
    return _score(tally.readable + ok, tally.count), _score(tally.readable + ng, tally.count)


def _beta_leads(leader: float, runner_up: float) -> float:
    """P(share > 1/2) under Beta(leader + 1, runner_up + 1): 1 - I_0.5(a, b)."""
    from scipy.special import betainc  # scipy takes a while to import and only majority counting needs it

    return max(0.5, float(1.0 - betainc(leader + 1.0, runner_up + 1.0, 0.5)))  # rounding may fall just below a half


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)  # fsum: the order in which votes come must not change a score
