"""Stopping rules: published ones, and the default. Pure; every rule looks at the votes so far only.

| rule | paper | stops when |
|---|---|---|
| FixedRule | majority voting, Wang 2023 (2203.11171) | n votes were asked |
| AdaptiveConsistency | Aggarwal 2023 (2305.11860) | a Beta posterior says that the leader's share is above a half |
| Esc | Li 2024 (2401.10480) | all votes of one window agree |
| Sprt | ConSol, Lee 2025 (2503.17587) | Wald's test prefers "the leader has share p1" or "a half" |
| Cges | Aghazadeh 2025 (2511.02603) | the product of the votes' own confidences is sure of one side |
| SequentialRule | ours | the discounted votes are sure, or the rest can't change the disposition |

The published rules count every vote as independent evidence. Votes of one model about one part are not independent;
`lab/evaluation/stopping_simulation.py` shows the effect on the rules' error rates.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from inspector.domain.declared import ViewName
from inspector.domain.log_odds import expit, majority_probability
from inspector.domain.pipeline import CountMethod, SettlePolicy, Thresholds
from inspector.domain.vote import Counting, StoppedBy, Tally, Vote

MAJORITY_COUNTING: Final = Counting(CountMethod.MAJORITY)
UNANIMOUS_VOTES: Final = (Vote(ViewName.DIRECT, 0, 0.0), Vote(ViewName.DIRECT, 0, 1.0))


class StoppingRule(ABC):
    """When to stop, how many votes to ask next, and how the votes count in the end."""

    counting: Counting = MAJORITY_COUNTING

    @property
    @abstractmethod
    def name(self) -> str:
        """The name in tables of figures."""

    @property
    @abstractmethod
    def max_votes(self) -> int:
        """The number of votes at which asking ends in any case."""

    @abstractmethod
    def satisfied(self, votes: Sequence[Vote]) -> StoppedBy | None:
        """Return the rule's own reason to stop before max_votes, or None."""

    def stop(self, votes: Sequence[Vote]) -> StoppedBy | None:
        """Return why asking ends with these votes, or None while it continues."""
        end = StoppedBy.LADDER_END if len(votes) >= self.max_votes else None
        return self.satisfied(votes) or end

    def next_votes(self, votes: Sequence[Vote]) -> int:
        """Return how many votes to ask at once: the fewest that could end it if they were unanimous.

        Fewer could only make a second batch necessary. More might never be needed.
        """
        if self.stop(votes) is not None:
            return 0
        left = self.max_votes - len(votes)
        ends = (k for k in range(1, left) if any(self.stop((*votes, *([vote] * k))) for vote in UNANIMOUS_VOTES))
        return next(ends, left)

    def tally(self, votes: Sequence[Vote]) -> Tally:
        """Combine the votes by the rule's counting."""
        return Tally(tuple(votes), self.counting)

    def sides(self, votes: Sequence[Vote]) -> Sides:
        return sides(self.tally(votes).readable)


@dataclass(frozen=True)
class FixedRule(StoppingRule):
    """Always n votes: the seed paper's method with n = 3."""

    n: int

    @property
    def name(self) -> str:
        return f"fixed-{self.n}"

    @property
    def max_votes(self) -> int:
        return self.n

    def satisfied(self, votes: Sequence[Vote]) -> StoppedBy | None:  # noqa: ARG002
        return None


@dataclass(frozen=True)
class AdaptiveConsistency(StoppingRule):
    """The Beta rule as published: it treats votes as independent, and agreement of most answers as correctness."""

    confidence: float = 0.95
    max_votes: int = 40
    name: str = "adaptive-consistency"

    def satisfied(self, votes: Sequence[Vote]) -> StoppedBy | None:
        return StoppedBy.SETTLED if majority_probability(*self.sides(votes)) >= self.confidence else None


@dataclass(frozen=True)
class Esc(StoppingRule):
    """Early-stopping self-consistency: consecutive windows without overlap.

    A window with an unreadable answer is not unanimous.
    """

    window: int = 5
    max_votes: int = 40
    name: str = "esc"

    def satisfied(self, votes: Sequence[Vote]) -> StoppedBy | None:
        full = len(votes) - len(votes) % self.window
        starts = range(0, full, self.window)
        unanimous = any(self.sides(votes[start : start + self.window]) == (self.window, 0.0) for start in starts)
        return StoppedBy.SETTLED if unanimous else None


@dataclass(frozen=True)
class Sprt(StoppingRule):
    """Wald's sequential test of "the leader has share p1" against "a half".

    The leader is picked from the same votes, so either side may win. Where there is no true leader, the chance of a
    winner is up to twice alpha.
    """

    p1: float = 0.8
    alpha: float = 0.05
    beta: float = 0.05
    max_votes: int = 40
    name: str = "sprt"

    def satisfied(self, votes: Sequence[Vote]) -> StoppedBy | None:
        leader, runner_up = self.sides(votes)
        ratio = leader * math.log(self.p1 / 0.5) + runner_up * math.log((1.0 - self.p1) / 0.5)
        if ratio >= math.log((1.0 - self.beta) / self.alpha):
            return StoppedBy.SETTLED
        return StoppedBy.DECIDED if ratio <= math.log(self.beta / (1.0 - self.alpha)) else None


@dataclass(frozen=True)
class Cges(StoppingRule):
    """Confidence-guided early stopping, for two answers.

    Each vote says with its own confidence (`Vote.certainty`) that its side is right. Bayes' rule over both sides, which
    takes votes as independent, gives the posterior; asking stops when one side reaches `confidence`.
    """

    confidence: float = 0.95
    max_votes: int = 40
    name: str = "cges"
    counting: Counting = field(default_factory=Counting)

    def satisfied(self, votes: Sequence[Vote]) -> StoppedBy | None:
        log_odds = math.fsum(math.copysign(each.certainty, each.log_odds) for each in self.tally(votes).readable)
        return StoppedBy.SETTLED if expit(abs(log_odds)) >= self.confidence else None


@dataclass(frozen=True)
class SequentialRule(StoppingRule):
    """The default rule.

    It stops when the posterior of the discounted votes is sure of one disposition, or when no remaining answers could
    change it. `ladder_votes`: the number of votes of the whole ladder.
    """

    settle: SettlePolicy = field(default_factory=SettlePolicy)
    thresholds: Thresholds = field(default_factory=Thresholds)
    counting: Counting = field(default_factory=Counting)
    ladder_votes: int = 64
    name: str = "default"

    @property
    def max_votes(self) -> int:
        return min(self.settle.max_votes, self.ladder_votes)

    def satisfied(self, votes: Sequence[Vote]) -> StoppedBy | None:
        tally = self.tally(votes)
        if is_settled(tally, self.settle, self.thresholds):
            return StoppedBy.SETTLED
        left = self.max_votes - len(votes)
        return StoppedBy.DECIDED if left > 0 and is_decided(tally, left, self.thresholds) else None


def is_settled(tally: Tally, settle: SettlePolicy, thresholds: Thresholds) -> bool:
    """Return whether the tally is confident enough and outside both thresholds. Doubt never settles."""
    score = tally.score
    if score is None or tally.confidence < settle.confidence:
        return False
    return score < thresholds.pass_below or score > thresholds.reject_above


def is_decided(tally: Tally, remaining: int, thresholds: Thresholds) -> bool:
    """Return whether no answers to the `remaining` votes could change the disposition (futility)."""
    if remaining <= 0:
        return True
    if tally.score is None:
        return False
    lowest, highest = reachable_scores(tally, remaining)
    return (
        highest < thresholds.pass_below
        or lowest > thresholds.reject_above
        or (lowest >= thresholds.pass_below and highest <= thresholds.reject_above)
    )


class Sides(NamedTuple):
    """Hard votes of the leading side and of the other. A vote at exactly 0.5 counts half for each."""

    leader: float
    runner_up: float


def sides(votes: Sequence[Vote]) -> Sides:
    """Count the votes of each side; all have to be readable."""
    ng = sum(vote.ng for vote in votes)
    return Sides(max(ng, len(votes) - ng), min(ng, len(votes) - ng))


def reachable_scores(tally: Tally, remaining: int) -> tuple[float, float]:
    """Return the scores if all remaining votes were OK, and if all were NG."""
    ok, ng = (Tally((*tally.votes, *([vote] * remaining)), tally.counting).score for vote in UNANIMOUS_VOTES)
    if ok is None or ng is None:
        raise ValueError("a tally with readable votes has a score")
    return ok, ng
