"""Limits chosen on the bound: the widest ones whose promise is proved, or what is missing. Pure.

The escape share is tested from the strictest `pass_below` on, row by row of `reject_above`. The overkill share, where
it is promised, is tested from the widest `pass_below` on: below the live one, more votes would have been asked. Without
a promise about overkill, `reject_above` stays as it is and there is only one row. The live row gets half of the level,
because most parts' outcomes are known there. Of the proved pairs, the one with the fewest reviews is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.pipeline import Pipeline, Thresholds
from inspector.errors import InspectorError
from inspector.numerics.exact_bounds import parts_to_prove, upper_bound
from inspector.tuning.risk_control import p_values, sequences_along_rows
from inspector.tuning.threshold_evidence import DispositionSample, ShareCounts, VoteEvidence
from inspector.tuning.vote_table import LimitGrid

Array = NDArray[Any]
LIVE_ROW_SHARE: Final = 0.5  # of the level, where several rows are tested
FINE_PASS_BELOW: Final = (0.001, 0.002, 0.005)  # below the even steps of 0.01
REJECT_ABOVE: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


class ThresholdPromise(NamedTuple):
    """What the limits promise: at most these shares, with this confidence. `overkill` None promises nothing there."""

    escape: float
    overkill: float | None = None
    confidence: float = 0.95

    def validate(self) -> None:
        """Raise InspectorError for a promise that nothing could prove, with the remedy."""
        for name, value in (("escape", self.escape), ("overkill", self.overkill)):
            if value is not None and not 0.0 < value < 1.0:
                raise InspectorError(f"{name}: {value:g} is not above 0 and below 1; no number of parts proves 0")
        if not 0.5 <= self.confidence < 1.0:
            raise InspectorError(f"confidence: {self.confidence:g} is not from 0.5 to below 1; 0.95 is usual")

    @property
    def level(self) -> float:
        """The error probability of each promised share."""
        return (1.0 - self.confidence) / (1 if self.overkill is None else 2)


class ProvedShare(NamedTuple):
    """A share at one pair of limits.

    `wrong` of `parts` parts that all had the same chance to be reviewed; `unknown` of the wrong ones have an unknown
    outcome. `known` of `known_of` reviewed parts are wrong, and `estimate` weighs them. `bound` is the exact upper
    bound at `confidence`, without regard to the choice. `more` parts without a wrong one would prove the limit; 0: it
    is proved, None: nothing is promised.
    """

    wrong: int
    unknown: int
    parts: int
    known: int
    known_of: int
    estimate: float
    bound: float
    confidence: float
    limit: float | None
    more: int | None


class ThresholdPoint(NamedTuple):
    """One pair of limits with its shares. Of all stored parts `passed` would pass there, and `unknown` are unknown."""

    thresholds: Thresholds
    escape: ProvedShare
    overkill: ProvedShare
    review: ProvedShare
    passed: int
    unknown: int
    is_proved: bool


class ThresholdChoice(NamedTuple):
    """The result. `chosen` is None where no pair is proved. `row` lists the points with the chosen or live
    `reject_above`, by rising `pass_below`. `nearest` is the unproved point that needs the fewest NG parts."""

    promise: ThresholdPromise
    chosen: ThresholdPoint | None
    current: ThresholdPoint
    nearest: ThresholdPoint | None
    row: tuple[ThresholdPoint, ...]
    samples: tuple[DispositionSample, ...]
    left_out: int

    @property
    def covers_live(self) -> bool:
        """Whether limits are proved that pass at least what the live ones pass."""
        return self.chosen is not None and self.chosen.thresholds.pass_below >= self.current.thresholds.pass_below


def limit_grid(pipeline: Pipeline, promise: ThresholdPromise, *, whole_ladder: bool = False) -> LimitGrid:
    """Return the pairs to test. They depend on the declaration only, never on parts.

    Above the live `reject_above` the votes of rejected parts end too early, unless the whole ladder was asked.
    """
    live = pipeline.thresholds
    columns = {*FINE_PASS_BELOW, *(step / 100 for step in range(1, 100)), live.pass_below}
    if promise.overkill is None:
        rows = {live.reject_above}
    else:
        rows = {live.reject_above, *(each for each in REJECT_ABOVE if whole_ladder or each < live.reject_above)}
    return LimitGrid(tuple(sorted(each for each in columns if each <= max(rows))), tuple(sorted(rows)))


class GridTest(NamedTuple):
    """The counts at every pair of limits, the level of each row, and which pairs are proved."""

    evidence: VoteEvidence
    promise: ThresholdPromise
    levels: tuple[float, ...]
    escapes: ShareCounts
    overkill: ShareCounts
    reviews: ShareCounts
    passed: Array
    unknown: Array
    proved: Array

    def point(self, row: int, column: int) -> ThresholdPoint:
        grid, at, confidence = self.evidence.grid, (row, column), 1.0 - self.levels[row]
        promise = self.promise
        return ThresholdPoint(
            Thresholds(pass_below=grid.pass_below[column], reject_above=grid.reject_above[row]),
            _share(self.escapes, at, confidence, promise.escape),
            _share(self.overkill, at, confidence, promise.overkill),
            _share(self.reviews, at, promise.confidence, None),
            int(self.passed[at]),
            int(self.unknown[at]),
            bool(self.proved[at]),
        )


def choose_thresholds(evidence: VoteEvidence, promise: ThresholdPromise, live: Thresholds) -> ThresholdChoice:
    """Choose the proved limits with the fewest reviews."""
    tested = run_tests(evidence, promise, live)
    at = best_pair(tested)
    live_row, live_column = _place(evidence.grid, live)
    row = at[0] if at else live_row
    columns = np.flatnonzero(evidence.grid.is_pair[row])
    points = tuple(tested.point(row, int(column)) for column in columns)
    return ThresholdChoice(
        promise=promise,
        chosen=tested.point(*at) if at else None,
        current=tested.point(live_row, live_column),
        nearest=_nearest(points),
        row=points,
        samples=evidence.samples,
        left_out=evidence.left_out,
    )


def run_tests(evidence: VoteEvidence, promise: ThresholdPromise, live: Thresholds) -> GridTest:
    """Test every pair of the grid. Limits under which no stored part passes keep any promise, and are no answer."""
    levels = _levels(evidence.grid, promise, live)
    escapes, overkill = evidence.escapes(), evidence.overkill()
    proved = _proved(escapes, promise.escape, levels, evidence.grid.is_pair, from_end=False)
    if promise.overkill is not None:
        proved &= _proved(overkill, promise.overkill, levels, evidence.grid.is_pair, from_end=True)
    passed = evidence.passed()
    return GridTest(
        evidence,
        promise,
        levels,
        escapes,
        overkill,
        evidence.reviews(),
        passed,
        evidence.unknown(),
        proved & (passed > 0),
    )


def best_pair(tested: GridTest) -> tuple[int, int] | None:
    """Return row and column of the proved pair with the fewest reviews, then the least overkill and escapes."""
    shares = [tested.reviews.estimate, tested.overkill.estimate, tested.escapes.estimate]
    places = [(int(row), int(column)) for row, column in np.argwhere(tested.proved)]
    return min(places, key=lambda place: tuple(float(share[place]) for share in shares), default=None)


def _levels(grid: LimitGrid, promise: ThresholdPromise, live: Thresholds) -> tuple[float, ...]:
    """Divide the level among the rows."""
    others = len(grid.reject_above) - 1
    if not others:
        return (promise.level,)
    rest = (1.0 - LIVE_ROW_SHARE) / others
    shares = (LIVE_ROW_SHARE if each == live.reject_above else rest for each in grid.reject_above)
    return tuple(promise.level * share for share in shares)


def _proved(counts: ShareCounts, limit: float, levels: Sequence[float], is_pair: Array, *, from_end: bool) -> Array:
    """Return where the limit is proved and the estimate over all reviewed parts does not contradict it."""
    tested = sequences_along_rows(p_values(counts.wrong, counts.parts, limit), levels, is_pair, from_end=from_end)
    proved: Array = tested & (counts.estimate <= limit)
    return proved


def _share(counts: ShareCounts, at: tuple[int, int], confidence: float, limit: float | None) -> ProvedShare:
    wrong, parts = int(counts.wrong[at]), int(counts.parts[at])
    return ProvedShare(
        wrong,
        int(counts.unknown[at]),
        parts,
        int(counts.known[at]),
        counts.known_of,
        float(counts.estimate[at]),
        upper_bound(wrong, parts, confidence),
        confidence,
        limit,
        None if limit is None else parts_to_prove(wrong, parts, limit, confidence),
    )


def _nearest(points: Sequence[ThresholdPoint]) -> ThresholdPoint | None:
    """Return the unproved point that needs the fewest NG parts; the widest of several. Some part must pass there."""
    unproved = [point for point in points if point.passed and not point.is_proved]
    return min(unproved, key=lambda point: (point.escape.more or 0, -point.thresholds.pass_below), default=None)


def _place(grid: LimitGrid, live: Thresholds) -> tuple[int, int]:
    return grid.reject_above.index(live.reject_above), grid.pass_below.index(live.pass_below)
