"""Whether asking more helps or harms: the inverse-scaling monitor. Pure.

Longer reasoning may lower accuracy (Gema et al., TMLR 2025). The monitor has two figures per line. One counts the parts
that each rung turned from wrong to right and from right to wrong. The other is the effect of correctness with the
tokens spent.

Both compare a part with itself. Parts that stopped early were easy and short, so figures over ordinary parts would
confound difficulty with length. Use parts whose whole ladder was asked whatever the votes said ("shadow" parts, about 1
%).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, expit

from inspector.domain.vote import Counting, LabelledVotes, Tally, Vote
from inspector.numerics.logistic_regression import fit_logistic

Z95: Final = 1.959964
MIN_VARIANCE: Final = 1e-12  # of a slope: where no part changes its verdict the rest is rounding, of either sign
RIDGE: Final = 1e-3  # keeps the slope finite where tokens separate right from wrong
Array = NDArray[Any]


class RungEffect(NamedTuple):
    """The effect of one rung on the parts that reached it.

    `rescued` counts parts that were wrong before and right after; `harmed` counts the reverse.
    """

    rung: int
    parts: int
    rescued: int
    harmed: int

    @property
    def p_value(self) -> float:
        return mcnemar(self.rescued, self.harmed)


class RungOutcome(NamedTuple):
    """One part after one rung: the tokens of its votes so far, and whether the judgement would be right."""

    part: int
    tokens: int
    correct: bool


class TokenSlope(NamedTuple):
    """The effect in the log-odds of being right per factor e of tokens, with its 95 % interval."""

    estimate: float
    low: float
    high: float

    @property
    def is_inverse(self) -> bool:
        """Whether more tokens make the result worse, beyond chance."""
        return self.high < 0.0


def rung_effects(parts: Iterable[LabelledVotes], counting: Counting, boundary: float = 0.5) -> list[RungEffect]:
    """Count rescue and harm of every rung after the first. A score above `boundary` means NG; no score is wrong."""
    labelled = [part for part in parts if part.ng is not None]
    last = max((vote.rung for part in labelled for vote in part.votes), default=0)
    return [_effect(rung, labelled, counting, boundary) for rung in range(1, last + 1)]


def harmful_rungs(effects: Iterable[RungEffect], alpha: float = 0.05) -> list[RungEffect]:
    """Return the rungs to cap: more harm than rescue, by the exact test.

    A rung without any gain is not among them: by chance alone, every second useless rung shows more harm than rescue.
    Repeated tests over growing data err more often than alpha says, so test once per batch of parts.
    """
    return [effect for effect in effects if effect.harmed > effect.rescued and effect.p_value < alpha]


def mcnemar(rescued: int, harmed: int) -> float:
    """Return the exact two-sided p-value of McNemar's test (1947; binomial, without normal approximation).

    Among the parts that changed, both directions are equally likely if the rung has no effect.
    """
    return min(1.0, 2.0 * float(bdtr(min(rescued, harmed), rescued + harmed, 0.5)))


def rung_outcomes(parts: Iterable[LabelledVotes], counting: Counting, boundary: float = 0.5) -> list[RungOutcome]:
    """List every labelled part after each of its rungs."""
    labelled = [part for part in parts if part.ng is not None]
    return [
        RungOutcome(number, sum(vote.tokens for vote in so_far), _right(so_far, bool(part.ng), counting, boundary))
        for number, part in enumerate(labelled)
        for so_far in _prefixes(part.votes)
    ]


def token_slope(spent: Sequence[RungOutcome]) -> TokenSlope | None:
    """Regress correctness on log tokens; None where all are right, all wrong, or of one length.

    The interval is normal, with the variance clustered by part (Liang & Zeger 1986), since rungs of one part share its
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
    estimate, reach = float(weights[0]), Z95 * math.sqrt(max(variance, MIN_VARIANCE))
    return TokenSlope(estimate, estimate - reach, estimate + reach)


def _effect(rung: int, parts: Sequence[LabelledVotes], counting: Counting, boundary: float) -> RungEffect:
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
    """Return the sandwich covariance of the weights, with scores summed within each part."""
    members, places = np.unique(parts, return_inverse=True)
    summed = np.zeros((len(members), design.shape[1]))
    np.add.at(summed, places, design * residuals[:, None])
    spread: Array = bread @ (summed.T @ summed) @ bread * (len(members) / max(len(members) - 1, 1))
    return spread
