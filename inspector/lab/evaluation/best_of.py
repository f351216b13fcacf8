"""Best-of-n: of n drafted answers one counts, chosen by the answer itself. Pure.

All n votes are paid for: these strategies show what a choice is worth against a majority of the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from inspector.domain.stopping import FixedRule
from inspector.domain.vote import Counting, Tally, Vote
from inspector.errors import InspectorError

VERDICT_ODDS: Final = Counting()  # the chosen answer's own odds are the score


def by_margin(vote: Vote) -> float:
    """Rank by the odds of the verdict: the surest answer counts."""
    return abs(vote.log_odds)


def by_brevity(vote: Vote) -> float:
    """Rank by the length of the draft: the shortest counts (short-1@n, Hassid 2025, 2505.17813)."""
    return -float(vote.tokens)


def by_p_true(vote: Vote) -> float:
    """Rank by the model's own probability that the answer is right. Raises InspectorError where it was not asked."""
    if vote.p_true is None:
        remedy = "declare count: weighted with settle: {weight_by: p_true}, and record the parts again"
        raise InspectorError(f"best-of-9-p-true needs P(True) of each answer; {remedy}")
    return vote.p_true


@dataclass(frozen=True)
class BestOf(FixedRule):
    """Always n votes, of which the readable one with the highest rank counts; of equal ones the first."""

    rank: Callable[[Vote], float] = by_margin
    counting: Counting = VERDICT_ODDS

    def tally(self, votes: Sequence[Vote]) -> Tally:
        readable = super().tally(votes).readable
        return Tally((max(readable, key=self.rank),) if readable else tuple(votes), self.counting)
