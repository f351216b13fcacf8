"""Votes and their tally. Pure.

A vote is one answer to one view: `p_ng` read from the verdict token's logits. An unreadable answer counts for neither
side, but is stored and counted. Votes of one model about one picture are correlated, so n votes are worth fewer than n
independent ones (`domain/effective_votes.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from inspector.domain.declared import ViewName
from inspector.domain.effective_votes import (
    PRIOR_CORRELATION,
    SAME_PICTURES_CORRELATION,
    Correlations,
    effective_votes,
)
from inspector.domain.heat_map import HeatMap
from inspector.domain.learned import Calibration, Fusion
from inspector.domain.log_odds import expit, logit, majority_probability, mean, with_prior
from inspector.domain.pipeline import MIN_READABLE, CountMethod, Pipeline
from inspector.text import printable


class StoppedBy(StrEnum):
    """Why the ladder ended.

    SETTLED: confident enough. DECIDED: nothing left could change the outcome. LADDER_END: all rungs were asked.
    DEADLINE: no time for the next rung. ERROR: the model failed.
    """

    SETTLED = "SETTLED"
    DECIDED = "DECIDED"
    LADDER_END = "LADDER_END"
    DEADLINE = "DEADLINE"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer.

    `p_ng` is None when the answer could not be read. `ms`: time from question to answer. `p_true`: the model's own
    probability that this answer is right, where the model was asked. `readable`: the probability that the model gave to
    NG and OK together; the rest is doubt. None: not measured, as for votes stored before it was.
    """

    view: ViewName
    rung: int
    p_ng: float | None
    tokens: int = 0
    ms: float = 0.0
    text: str = ""
    p_true: float | None = None
    readable: float | None = None

    def __post_init__(self) -> None:
        for name in ("p_ng", "p_true", "readable"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} {value} is not a probability")
        object.__setattr__(self, "text", printable(self.text))

    def is_read(self, min_readable: float) -> bool:
        """Return whether the answer counts where NG and OK need at least this share of the probability."""
        return self.p_ng is not None and (self.readable is None or self.readable >= min_readable)

    def as_read(self, min_readable: float) -> Vote:
        """Return the vote, without its p_ng where the answer does not count."""
        return self if self.p_ng is None or self.is_read(min_readable) else replace(self, p_ng=None)

    @property
    def log_odds(self) -> float:
        """The natural log-odds of NG, kept finite by PROBABILITY_MARGIN. Raises ValueError for an unreadable answer."""
        if self.p_ng is None:
            raise ValueError("an unreadable vote has no log-odds; use readable votes only")
        return logit(self.p_ng)

    @property
    def ng(self) -> float:
        """1 for NG, 0 for OK, and 0.5 where the model could not decide: doubt is no vote for OK."""
        return 0.5 if self.log_odds == 0.0 else float(self.log_odds > 0.0)

    @property
    def certainty(self) -> float:
        """The log-odds that this vote's side is right: from P(True) where the model was asked, else the verdict's own
        margin."""
        return abs(self.log_odds) if self.p_true is None else logit(self.p_true)


@dataclass(frozen=True, slots=True)
class Opinion:
    """The second opinion about a part, from the golden samples (`judging/patch_distance.py`).

    It is no vote: it asks the model nothing, and is not counted among its answers. `heat` is None where there is no
    map, and where a stored opinion is loaded: maps are read one at a time.
    """

    p_ng: float
    ms: float = 0.0
    text: str = ""
    heat: HeatMap | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.p_ng <= 1.0:
            raise ValueError(f"p_ng {self.p_ng} is not between 0 and 1")
        object.__setattr__(self, "text", printable(self.text))

    @property
    def log_odds(self) -> float:
        return logit(self.p_ng)


class LabelledVotes(NamedTuple):
    """One part's stored votes in the order they were given, its truth and its second opinion.

    `ng` is None where nobody has reviewed the part. `opinion` is None where the line has no second opinion.
    """

    votes: tuple[Vote, ...]
    ng: bool | None
    opinion: Opinion | None = None


def first_rung_log_odds(votes: Sequence[Vote], min_readable: float) -> float | None:
    """Return the mean log-odds of the readable votes of the rung that was asked first; None where it has none.

    Every part of a line was asked that rung, whatever it answered.
    """
    first = min((vote.rung for vote in votes), default=0)
    readable = [vote.log_odds for vote in votes if vote.rung == first and vote.is_read(min_readable)]
    return mean(readable) if readable else None


@dataclass(frozen=True, slots=True)
class Counting:
    """How a line's votes are combined into one score and one confidence.

    `prior` is the share of NG parts on the line, where the votes' own odds assume a half. `temperature` evens out the
    weights of count: weighted. `calibration` corrects the confidence of soft votes, never the score. `opinion` is the
    part's second opinion and `fusion` its learned weight; with a fusion no calibration is needed. A vote whose
    `readable` share is below `min_readable` counts for neither side.
    """

    count: CountMethod = CountMethod.SOFT
    correlations: Correlations = field(default_factory=Correlations)
    prior: float = 0.5
    temperature: float = 2.0
    calibration: Calibration | None = None
    fusion: Fusion | None = None
    opinion: Opinion | None = None
    min_readable: float = MIN_READABLE

    def share(self, votes: Sequence[Vote]) -> float:
        """Return the part's p_ng from one or more readable votes and the second opinion, before the prior."""
        return self._fused(self.voted(votes))

    def voted(self, votes: Sequence[Vote]) -> float:
        """Return the part's p_ng from its votes alone, before the prior."""
        if self.count is CountMethod.SOFT:
            return expit(mean(vote.log_odds for vote in votes))
        weights = self.weights(votes)
        return math.fsum(weight * vote.ng for weight, vote in zip(weights, votes, strict=True)) / math.fsum(weights)

    def evidence(self, votes: Sequence[Vote]) -> float:
        """Return the posterior probability of NG from one or more readable votes, before the prior.

        soft: sigmoid of n_eff times the mean log-odds. It is exact where the votes' odds are calibrated, and normal and
        equally correlated given the truth. majority, weighted: Beta(1, 1) posterior on n_eff votes
        (Adaptive-Consistency, Aggarwal 2023, on discounted counts). That is the probability that most such votes would
        say NG, not yet that the part is NG.
        """
        voted, n_eff = self.voted(votes), self.n_eff(votes)
        if self.count is CountMethod.SOFT:
            return self._fused(expit(n_eff * mean(self._likelihood(vote) for vote in votes)))
        return self._fused(majority_probability(voted * n_eff, (1.0 - voted) * n_eff))

    def _fused(self, p_ng: float) -> float:
        """Combine p_ng with the second opinion, and remove the NG share of the parts behind its weights."""
        learned = self.fusion
        if learned is None or self.opinion is None:
            return p_ng
        log_odds = learned.votes * logit(p_ng) + learned.patches * self.opinion.log_odds + learned.intercept
        return expit(log_odds - logit(learned.ng_share))

    def _likelihood(self, vote: Vote) -> float:
        """Return the log-likelihood ratio of NG: the vote's log-odds, calibrated where a calibration was learned."""
        learned = self.calibration
        if learned is None or self.fusion is not None:
            return vote.log_odds
        return learned.slope * vote.log_odds + learned.intercept - logit(learned.ng_share)

    def weights(self, votes: Sequence[Vote]) -> list[float]:
        """Return the weight of each vote; the largest is 1.

        Under count: weighted this is a softmax of the votes' certainty within the part (CISC, Taubenfeld 2025). It uses
        odds instead of probabilities, so that P(True) and margins share one scale.
        """
        if self.count is not CountMethod.WEIGHTED:
            return [1.0] * len(votes)
        surest = max(vote.certainty for vote in votes)
        return [math.exp((vote.certainty - surest) / self.temperature) for vote in votes]

    def n_eff(self, votes: Sequence[Vote]) -> float:
        """Return the number of independent, equally weighted votes that these are worth. Unequal weights reduce it
        (Kish 1965)."""
        weights = self.weights(votes)
        heavy = math.fsum(weights) ** 2 / math.fsum(weight**2 for weight in weights) if votes else 0.0
        return effective_votes(heavy, self.correlations.mean([vote.view for vote in votes]))


@dataclass(frozen=True, slots=True)
class Tally:
    """The combined votes.

    `score` is the part's p_ng; `agreement` is the share of readable votes on the leader's side.
    """

    votes: tuple[Vote, ...] = ()
    counting: Counting = field(default_factory=Counting)

    @property
    def readable(self) -> tuple[Vote, ...]:
        return tuple(vote for vote in self.votes if vote.is_read(self.counting.min_readable))

    @property
    def unreadable(self) -> int:
        return len(self.votes) - len(self.readable)

    @property
    def n_eff(self) -> float:
        return self.counting.n_eff(self.readable)

    @property
    def score(self) -> float | None:
        """The part's p_ng in 0..1; None while no answer was readable. majority and weighted count hard votes."""
        return with_prior(self.counting.share(self.readable), self.counting.prior) if self.readable else None

    @property
    def is_split(self) -> bool:
        """Whether readable votes are on both sides."""
        return len({vote.ng for vote in self.readable}) > 1

    @property
    def agreement(self) -> float | None:
        if not self.readable:
            return None
        ng = sum(vote.ng for vote in self.readable)
        return max(ng, len(self.readable) - ng) / len(self.readable)

    @property
    def confidence(self) -> float:
        """The posterior probability of the score's side, 0.5..1, from discounted votes and the prior."""
        score = self.score
        if score is None:
            return 0.5
        posterior = with_prior(self.counting.evidence(self.readable), self.counting.prior)
        return max(0.5, posterior if score > 0.5 else 1.0 - posterior)

    def add(self, vote: Vote) -> Tally:
        return Tally((*self.votes, vote), self.counting)


def votes_as_asked(votes: Sequence[Vote], counting: Counting) -> tuple[Vote, ...]:
    """Return the votes in their order without those of separate that agreeing votes before them would not have asked.

    Votes that were left out may have been the ones that disagreed.
    """
    asked = Tally((), counting)
    for vote in votes:
        if vote.view is not ViewName.SEPARATE or asked.is_split:
            asked = asked.add(vote)
    return asked.votes


def counting(pipeline: Pipeline, fingerprint: str = "", opinion: Opinion | None = None) -> Counting:
    """Build the pipeline's counting for a part with this second opinion.

    Learned values count only under the fingerprint they were learned under.
    """
    settle, learned = pipeline.settle, pipeline.learned_under(fingerprint)
    if settle.vote_correlation == "learned":
        pairs = learned.correlations if learned else ()
        correlations = Correlations(PRIOR_CORRELATION, pairs, SAME_PICTURES_CORRELATION)
    else:
        correlations = Correlations(settle.vote_correlation)
    return Counting(
        count=pipeline.count,
        correlations=correlations,
        prior=settle.prior,
        temperature=settle.weight_temperature,
        calibration=learned.calibration if learned else None,
        fusion=learned.fusion if learned else None,
        opinion=opinion,
        min_readable=settle.min_readable,
    )
