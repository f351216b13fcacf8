"""Whether asking more helps or harms: the inverse-scaling monitor. Pure.

Longer reasoning may lower accuracy (Gema et al., TMLR 2025). Two views of it, per line: what each rung turned from
wrong to right and from right to wrong, and how correctness moves with the tokens spent.

Both compare a part with itself. Parts that stopped early were easy and short, so figures over ordinary parts confound
difficulty with length: use parts whose whole ladder was asked whatever the votes said ("shadow" parts, about 1 %).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, expit

from inspector.domain.vote import Counting, LabelledVotes, Tally, Vote
from inspector.tuning.logistic_regression import fit_logistic

Z95: Final = 1.959964
RIDGE: Final = 1e-3  # keeps the slope finite where tokens part right from wrong cleanly
Array = NDArray[Any]


class RungEffect(NamedTuple):
    """What one rung did to the parts that reached it. `rescued`: wrong before, right after; `harmed`: the reverse."""

    rung: int
    parts: int
    rescued: int
    harmed: int

    @property
    def p_value(self) -> float:
        return mcnemar(self.rescued, self.harmed)


class RungOutcome(NamedTuple):
    """One part after one rung: tokens spent on its votes so far, and whether it would have been judged right."""

    part: int
    tokens: int
    correct: bool


class TokenSlope(NamedTuple):
    """Change of the log-odds of being right for each factor e of tokens, with its 95 % interval."""

    estimate: float
    low: float
    high: float

    @property
    def is_inverse(self) -> bool:
        """More tokens make it worse, beyond what chance does."""
        return self.high < 0.0


def rung_effects(parts: Iterable[LabelledVotes], counting: Counting, boundary: float = 0.5) -> list[RungEffect]:
    """Rescue and harm of every rung after the first. A score above `boundary` says NG; none at all is wrong."""
    told = [part for part in parts if part.ng is not None]
    last = max((vote.rung for part in told for vote in part.votes), default=0)
    return [_change(rung, told, counting, boundary) for rung in range(1, last + 1)]


def harmful_rungs(found: Iterable[RungEffect], alpha: float = 0.05) -> list[RungEffect]:
    """The rungs to cap: more harm than rescue, by the exact test. A rung that merely gains nothing is not among
    them; by chance alone every second useless rung shows more harm than rescue. Asked again and again over growing
    data the test errs more often than alpha says: ask once per batch of parts."""
    return [change for change in found if change.harmed > change.rescued and change.p_value < alpha]


def mcnemar(rescued: int, harmed: int) -> float:
    """Exact two-sided p-value: among parts that changed, either way is a fair coin if the rung does nothing
    (McNemar 1947; binomial, no normal approximation)."""
    return min(1.0, 2.0 * float(bdtr(min(rescued, harmed), rescued + harmed, 0.5)))


def rung_outcomes(parts: Iterable[LabelledVotes], counting: Counting, boundary: float = 0.5) -> list[RungOutcome]:
    """Every labelled part after each of its rungs."""
    told = [part for part in parts if part.ng is not None]
    return [
        RungOutcome(number, sum(vote.tokens for vote in so_far), _right(so_far, bool(part.ng), counting, boundary))
        for number, part in enumerate(told)
        for so_far in _prefixes(part.votes)
    ]


def token_slope(spent: Sequence[RungOutcome]) -> TokenSlope | None:
    """Logistic regression of correctness on log tokens; None where all are right, all wrong, or of one length.

    The interval is normal, with the variance clustered by part (Liang & Zeger 1986), as rungs of one part share its
    difficulty. It assumes a straight line in log tokens, and some dozens of parts.
    """
    tokens = np.log([max(each.tokens, 1) for each in spent])
    correct = np.array([float(each.correct) for each in spent])
    if len(spent) < 2 or np.ptp(tokens) == 0.0 or np.ptp(correct) == 0.0:
        return None
    design = np.column_stack([tokens - tokens.mean(), np.ones(len(spent))])
    weights, curvature = fit_logistic(design, correct, RIDGE)
    residuals = correct - expit(design @ weights)
    variance = _clustered(design, residuals, np.linalg.inv(curvature), [each.part for each in spent])[0, 0]
    found, reach = float(weights[0]), Z95 * math.sqrt(variance)
    return TokenSlope(found, found - reach, found + reach)


def _change(rung: int, parts: Sequence[LabelledVotes], counting: Counting, boundary: float) -> RungEffect:
    reached = [part for part in parts if any(vote.rung == rung for vote in part.votes)]
    before, after = (
        [_right(_until(part.votes, last), bool(part.ng), counting, boundary) for part in reached]
        for last in (rung - 1, rung)
    )
    rescued = sum(now > then for then, now in zip(before, after, strict=True))
    return RungEffect(rung, len(reached), rescued, rescued + sum(before) - sum(after))


def _prefixes(votes: Sequence[Vote]) -> list[tuple[Vote, ...]]:
    return [_until(votes, rung) for rung in sorted({vote.rung for vote in votes})]


def _until(votes: Sequence[Vote], rung: int) -> tuple[Vote, ...]:
    return tuple(vote for vote in votes if vote.rung <= rung)


def _right(votes: tuple[Vote, ...], ng: bool, counting: Counting, boundary: float) -> bool:
    score = Tally(votes, counting).score
    return score is not None and (score > boundary) is ng


def _clustered(design: Array, residuals: Array, bread: Array, parts: Sequence[int]) -> Array:
    """Sandwich covariance of the weights, with scores summed within each part."""
    members, places = np.unique(parts, return_inverse=True)
    summed = np.zeros((len(members), design.shape[1]))
    np.add.at(summed, places, design * residuals[:, None])
    spread: Array = bread @ (summed.T @ summed) @ bread * (len(members) / max(len(members) - 1, 1))
    return spread
