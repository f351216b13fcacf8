"""The search for the cheapest ladder on a line's stored votes: every order of up to MAX_RUNGS rungs, at many
thresholds. Pure.

It needs parts with a truth whose whole ladder was asked. Each ladder is replayed on them: after each rung the part
settles by the service's rule, or continues. The result is exact as far as those votes go, with three reservations:

- All votes of a rung are asked together and counted as cost. The service may cancel some, so the cost is an upper
  bound. It may also stop where the rest could not change the disposition.
- Time is the sum of each rung's slowest vote, as measured when it was asked.
- The best of many ladders on the same parts looks better than it is: choose here, then certify on other parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import chain, permutations, product
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import ViewName
from inspector.domain.pipeline import MIN_VOTES_TO_DISAGREE, Thresholds
from inspector.domain.vote import Counting, LabelledVotes, Tally, Vote, votes_as_asked
from inspector.numerics.exact_bounds import upper_bound

MAX_RUNGS: Final = 3  # per evaluated ladder
PASS_BELOW: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
REJECT_ABOVE: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
THRESHOLD_GRID: Final = tuple(
    Thresholds(pass_below=low, reject_above=high) for low, high in product(PASS_BELOW, REJECT_ABOVE)
)
Views = tuple[ViewName, ...]
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class EvaluatedLadder:
    """One ladder with its thresholds, and its results.

    `escape` is a share of NG parts and `escape_bound` its exact upper 95 % bound. `overkill` is a share of OK parts,
    `review` of all parts. `votes`, `tokens` and `ms` are means per part. `first_rung` is the share of parts
    that end after the first rung.
    """

    ladder: tuple[Views, ...]
    thresholds: Thresholds
    escape: float
    overkill: float
    review: float
    votes: float
    tokens: float
    ms: float
    first_rung: float
    escape_bound: float

    @property
    def costs(self) -> tuple[float, ...]:
        """The values that a factory wants to be low."""
        return self.escape, self.overkill, self.review, self.votes, self.ms

    @property
    def balanced_accuracy(self) -> float:
        """The mean of two shares: OK parts that were not rejected, and NG parts that were not passed."""
        return 1.0 - (self.escape + self.overkill) / 2.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "thresholds": self.thresholds.model_dump(),
            "balanced_accuracy": self.balanced_accuracy,
        }


class RiskLimits(NamedTuple):
    """The greatest acceptable shares of a line. Escapes are held to their upper bound: an estimate proves nothing."""

    escape: float
    overkill: float = 1.0
    review: float = 1.0

    def allows(self, ladder: EvaluatedLadder) -> bool:
        return ladder.escape_bound <= self.escape and ladder.overkill <= self.overkill and ladder.review <= self.review


def evaluate_ladders(
    parts: Iterable[LabelledVotes],
    counting: Counting,
    confidence: float,
    rungs: Sequence[Views] | None = None,
    grid: Sequence[Thresholds] = THRESHOLD_GRID,
) -> list[EvaluatedLadder]:
    """Evaluate every ladder of up to MAX_RUNGS of these rungs, in every order. By default each view is a rung.

    Raises ValueError unless parts of both classes are present.
    """
    labelled, ng = _truth(parts)
    candidates = rungs or [(view,) for view in sorted({vote.view for part in labelled for vote in part.votes})]
    cache = TallyCache(labelled, counting)
    return [
        _evaluated(ladder, thresholds, cache.states_after(ladder), confidence, ng)
        for ladder in _ladders(candidates)
        for thresholds in grid
    ]


def evaluate_ladder(
    parts: Iterable[LabelledVotes],
    counting: Counting,
    confidence: float,
    ladder: tuple[Views, ...],
    thresholds: Thresholds,
) -> EvaluatedLadder:
    """Evaluate one ladder with its thresholds. Raises ValueError unless parts of both classes are present."""
    labelled, ng = _truth(parts)
    return _evaluated(ladder, thresholds, TallyCache(labelled, counting).states_after(ladder), confidence, ng)


def _truth(parts: Iterable[LabelledVotes]) -> tuple[list[LabelledVotes], Array]:
    labelled = [part for part in parts if part.ng is not None]
    ng = np.array([bool(part.ng) for part in labelled])
    if not 0 < ng.sum() < len(ng):
        raise ValueError(f"a ladder is evaluated on OK and NG parts, not {int((~ng).sum())} OK and {int(ng.sum())} NG")
    return labelled, ng


def pareto_front(ladders: Iterable[EvaluatedLadder]) -> list[EvaluatedLadder]:
    """Return the ladders that no other dominates, by rising time.

    A ladder dominates another if it is at least as good in every cost (Pareto). Of ladders with equal costs one stays.
    """
    front: list[EvaluatedLadder] = []
    costs = np.empty((0, 5))
    for ladder in sorted(ladders, key=lambda ladder: sum(ladder.costs)):  # a dominating ladder has a smaller sum
        if not (costs <= ladder.costs).all(axis=1).any():
            front.append(ladder)
            costs = np.vstack([costs, ladder.costs])
    return sorted(front, key=lambda ladder: ladder.ms)


def cheapest(ladders: Iterable[EvaluatedLadder], limits: RiskLimits) -> EvaluatedLadder | None:
    """Return the ladder within the limits with the least time per part; None where no ladder keeps them.

    Ties are broken by votes, escapes, overkill and reviews.
    """
    return min(
        filter(limits.allows, ladders), key=lambda ladder: (ladder.ms, ladder.votes, *ladder.costs), default=None
    )


class RungState(NamedTuple):
    """All parts after one rung, had each been asked so far: score (NaN where nothing was readable), confidence, and
    costs."""

    score: Array
    confidence: Array
    votes: Array
    tokens: Array
    ms: Array


class TallyCache:
    """The tally of every set of views on every part.

    The order of votes changes no tally, so ladders that ask the same views in other orders share one.
    """

    def __init__(self, parts: Sequence[LabelledVotes], counting: Counting) -> None:
        self._parts = parts
        self._counting = counting
        self._tallies: dict[frozenset[ViewName], tuple[Array, Array, Array, Array]] = {}
        self._times: dict[Views, Array] = {}

    def states_after(self, ladder: tuple[Views, ...]) -> list[RungState]:
        """Return the state after each rung of the ladder."""
        spent = np.cumsum([self._time(views) for views in ladder], axis=0)
        asked = (frozenset(chain.from_iterable(ladder[: count + 1])) for count in range(len(ladder)))
        return [RungState(*self._tallied(views), ms=ms) for views, ms in zip(asked, spent, strict=True)]

    def _tallied(self, views: frozenset[ViewName]) -> tuple[Array, Array, Array, Array]:
        if views not in self._tallies:
            tallies = [Tally(self._asked(part, views), self._counting) for part in self._parts]
            self._tallies[views] = (
                np.array([np.nan if tally.score is None else tally.score for tally in tallies]),
                np.array([tally.confidence for tally in tallies]),
                np.array([len(tally.votes) for tally in tallies]),
                np.array([sum(vote.tokens for vote in tally.votes) for tally in tallies]),
            )
        return self._tallies[views]

    def _asked(self, part: LabelledVotes, views: frozenset[ViewName]) -> tuple[Vote, ...]:
        """Return the votes of these views; separate comes last in every ladder."""
        votes = sorted(_only(part.votes, views), key=lambda vote: vote.view is ViewName.SEPARATE)
        return votes_as_asked(votes, self._counting)

    def _time(self, views: Views) -> Array:
        if views not in self._times:
            slowest = [max((vote.ms for vote in _only(part.votes, views)), default=0.0) for part in self._parts]
            self._times[views] = np.array(slowest)
        return self._times[views]


def _only(votes: Sequence[Vote], views: Iterable[ViewName]) -> tuple[Vote, ...]:
    return tuple(vote for vote in votes if vote.view in views)


def _ladders(rungs: Sequence[Views]) -> list[tuple[Views, ...]]:
    """List the ladders; none asks a view twice, and separate follows votes that may disagree."""
    lengths = range(1, min(MAX_RUNGS, len(rungs)) + 1)
    ladders = chain.from_iterable(permutations(rungs, length) for length in lengths)
    return [
        ladder
        for ladder in ladders
        if sum(map(len, ladder)) == len(set(chain.from_iterable(ladder))) and _separates_last(ladder)
    ]


def _separates_last(ladder: tuple[Views, ...]) -> bool:
    before = [view for views in ladder for view in views if view is not ViewName.SEPARATE]
    asked = [ViewName.SEPARATE in views for views in ladder]
    return not any(asked[:-1]) and (not asked[-1] or len(before) >= MIN_VOTES_TO_DISAGREE)


def _evaluated(
    ladder: tuple[Views, ...], thresholds: Thresholds, after: list[RungState], confidence: float, ng: Array
) -> EvaluatedLadder:
    stops = np.array([_settled(each, thresholds, confidence) for each in after])
    stops[-1] = True
    ends = stops.argmax(axis=0)
    at = RungState._make(np.choose(ends, columns) for columns in zip(*after, strict=True))
    passed, rejected = at.score < thresholds.pass_below, at.score > thresholds.reject_above
    escaped = int(passed[ng].sum())
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
        escape_bound=_escape_bound(escaped, int(ng.sum())),
    )


@lru_cache(maxsize=10_000)  # thousands of ladders share few counts
def _escape_bound(escaped: int, ng: int) -> float:
    return upper_bound(escaped, ng)


def _settled(after: RungState, thresholds: Thresholds, confidence: float) -> Array:
    clear = (after.score < thresholds.pass_below) | (after.score > thresholds.reject_above)
    settled: Array = clear & (after.confidence >= confidence)
    return settled
