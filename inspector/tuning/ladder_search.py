"""The cheapest ladder that a line's stored votes allow: every order of every few rungs, at many thresholds. Pure.

Needs parts with the truth whose whole ladder was asked. A plan is replayed on them: after each rung the part settles
as the service would let it, or goes on. Exact as far as those votes go, but:

- votes of a rung are launched together and all paid for; the service may cancel some (so cost is an upper bound),
  and may also stop where the rest could not change the disposition;
- time is the sum of each rung's slowest vote, as it was measured when it was asked;
- the best of many plans on the same parts looks better than it is: choose here, then certify on other parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, permutations, product
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import ViewName
from inspector.domain.pipeline import Thresholds
from inspector.domain.vote import Counting, LabelledVotes, Tally, Vote

MAX_RUNGS: Final = 3
PASS_BELOW: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
REJECT_ABOVE: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
THRESHOLD_GRID: Final = tuple(
    Thresholds(pass_below=low, reject_above=high) for low, high in product(PASS_BELOW, REJECT_ABOVE)
)
Views = tuple[ViewName, ...]
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class EvaluatedLadder:
    """One ladder with its thresholds, and what it did. `escape` is a share of NG parts, `overkill` of OK parts,
    `review` of all; votes, tokens and ms are means per part."""

    ladder: tuple[Views, ...]
    thresholds: Thresholds
    escape: float
    overkill: float
    review: float
    votes: float
    tokens: float
    ms: float
    first_rung: float

    @property
    def costs(self) -> tuple[float, ...]:
        """What a factory wants little of."""
        return self.escape, self.overkill, self.review, self.votes, self.ms

    @property
    def balanced_accuracy(self) -> float:
        """Mean share of the OK parts that were not rejected and of the NG parts that were not passed."""
        return 1.0 - (self.escape + self.overkill) / 2.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "thresholds": self.thresholds.model_dump(),
            "balanced_accuracy": self.balanced_accuracy,
        }


class RiskLimits(NamedTuple):
    """What a line can bear at most."""

    escape: float
    overkill: float = 1.0
    review: float = 1.0

    def allows(self, plan: EvaluatedLadder) -> bool:
        return plan.escape <= self.escape and plan.overkill <= self.overkill and plan.review <= self.review


def evaluate_ladders(
    parts: Iterable[LabelledVotes],
    counting: Counting,
    confidence: float,
    rungs: Sequence[Views] | None = None,
    grid: Sequence[Thresholds] = THRESHOLD_GRID,
) -> list[EvaluatedLadder]:
    """Every ladder of up to MAX_RUNGS of these rungs, in every order; each view is a rung of its own unless told.
    Raises ValueError where not both kinds of parts are there."""
    told, ng = _truth(parts)
    known = rungs or [(view,) for view in sorted({vote.view for part in told for vote in part.votes})]
    shelf = TallyCache(told, counting)
    return [
        _plan(ladder, thresholds, shelf.states_after(ladder), confidence, ng)
        for ladder in _ladders(known)
        for thresholds in grid
    ]


def evaluate_ladder(
    parts: Iterable[LabelledVotes],
    counting: Counting,
    confidence: float,
    ladder: tuple[Views, ...],
    thresholds: Thresholds,
) -> EvaluatedLadder:
    """What one ladder with its thresholds did. Raises ValueError where not both kinds of parts are there."""
    told, ng = _truth(parts)
    return _plan(ladder, thresholds, TallyCache(told, counting).states_after(ladder), confidence, ng)


def _truth(parts: Iterable[LabelledVotes]) -> tuple[list[LabelledVotes], Array]:
    told = [part for part in parts if part.ng is not None]
    ng = np.array([bool(part.ng) for part in told])
    if not 0 < ng.sum() < len(ng):
        raise ValueError(f"a plan needs OK and NG parts, not {int((~ng).sum())} OK and {int(ng.sum())} NG")
    return told, ng


def pareto_front(found: Iterable[EvaluatedLadder]) -> list[EvaluatedLadder]:
    """The plans that no other beats, by rising cost: none is as good in every burden (Pareto). Of plans alike in all
    burdens one stays."""
    kept: list[EvaluatedLadder] = []
    burdens = np.empty((0, 5))
    for plan in sorted(found, key=lambda plan: sum(plan.costs)):  # what beats a plan has a smaller sum
        if not (burdens <= plan.costs).all(axis=1).any():
            kept.append(plan)
            burdens = np.vstack([burdens, plan.costs])
    return sorted(kept, key=lambda plan: plan.ms)


def cheapest(found: Iterable[EvaluatedLadder], limits: RiskLimits) -> EvaluatedLadder | None:
    """The least time per part within the limits, then the fewest votes, escapes, overkill and reviews. None where
    no plan keeps them."""
    return min(filter(limits.allows, found), key=lambda plan: (plan.ms, plan.votes, *plan.costs), default=None)


class RungState(NamedTuple):
    """All parts after one rung, had each been asked so far: score (NaN where nothing was readable), confidence, and
    what was spent."""

    score: Array
    confidence: Array
    votes: Array
    tokens: Array
    ms: Array


class TallyCache:
    """What every set of views comes to on every part. The order of votes changes no tally, so that ladders which
    ask the same views in other orders share one."""

    def __init__(self, parts: Sequence[LabelledVotes], counting: Counting) -> None:
        self._parts = parts
        self._counting = counting
        self._known: dict[frozenset[ViewName], tuple[Array, Array, Array, Array]] = {}
        self._times: dict[Views, Array] = {}

    def states_after(self, ladder: tuple[Views, ...]) -> list[RungState]:
        """After each of its rungs."""
        spent = np.cumsum([self._time(views) for views in ladder], axis=0)
        asked = (frozenset(chain.from_iterable(ladder[: count + 1])) for count in range(len(ladder)))
        return [RungState(*self._tallied(views), ms=ms) for views, ms in zip(asked, spent, strict=True)]

    def _tallied(self, views: frozenset[ViewName]) -> tuple[Array, Array, Array, Array]:
        if views not in self._known:
            tallies = [Tally(_only(part.votes, views), self._counting) for part in self._parts]
            self._known[views] = (
                np.array([np.nan if tally.score is None else tally.score for tally in tallies]),
                np.array([tally.confidence for tally in tallies]),
                np.array([len(tally.votes) for tally in tallies]),
                np.array([sum(vote.tokens for vote in tally.votes) for tally in tallies]),
            )
        return self._known[views]

    def _time(self, views: Views) -> Array:
        if views not in self._times:
            slowest = [max((vote.ms for vote in _only(part.votes, views)), default=0.0) for part in self._parts]
            self._times[views] = np.array(slowest)
        return self._times[views]


def _only(votes: Sequence[Vote], views: Iterable[ViewName]) -> tuple[Vote, ...]:
    return tuple(vote for vote in votes if vote.view in views)


def _ladders(rungs: Sequence[Views]) -> list[tuple[Views, ...]]:
    """No ladder asks a view twice."""
    lengths = range(1, min(MAX_RUNGS, len(rungs)) + 1)
    ladders = chain.from_iterable(permutations(rungs, length) for length in lengths)
    return [ladder for ladder in ladders if sum(map(len, ladder)) == len(set(chain.from_iterable(ladder)))]


def _plan(
    ladder: tuple[Views, ...], thresholds: Thresholds, after: list[RungState], confidence: float, ng: Array
) -> EvaluatedLadder:
    stops = np.array([_settled(each, thresholds, confidence) for each in after])
    stops[-1] = True
    ends = stops.argmax(axis=0)
    at = RungState._make(np.choose(ends, columns) for columns in zip(*after, strict=True))
    passed, rejected = at.score < thresholds.pass_below, at.score > thresholds.reject_above
    return EvaluatedLadder(
        ladder,
        thresholds,
        escape=float(passed[ng].mean()),
        overkill=float(rejected[~ng].mean()),
        review=float((~passed & ~rejected).mean()),
        votes=float(at.votes.mean()),
        tokens=float(at.tokens.mean()),
        ms=float(at.ms.mean()),
        first_rung=float((ends == 0).mean()),
    )


def _settled(after: RungState, thresholds: Thresholds, confidence: float) -> Array:
    clear = (after.score < thresholds.pass_below) | (after.score > thresholds.reject_above)
    settled: Array = clear & (after.confidence >= confidence)
    return settled
