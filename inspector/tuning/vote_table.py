"""Stored votes as arrays: what each vote makes of a part, whatever the limits are. Pure.

Score, confidence and reachable scores after each vote do not depend on the limits. They are computed once per part, by
the very functions that judge parts, and then compared with any limits at once. The result equals
`counterfactual.Replay` at each pair of limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from inspector.domain.decision import effective_thresholds
from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Pipeline, Thresholds
from inspector.domain.stopping import reachable_scores
from inspector.domain.vote import Counting, Tally
from inspector.tuning.counterfactual import StoredVotes

Array = NDArray[Any]
PROBE: Final = Thresholds(pass_below=0.25, reject_above=0.75)  # shows which limits hold for a part


class ReplayedOutcome(IntEnum):
    """What a part would get. UNKNOWN: the stored votes end before this ladder would have stopped asking."""

    PASS = 0
    REVIEW = 1
    REJECT = 2
    UNKNOWN = 3


OUTCOME_OF: Final = {
    Disposition.PASS: ReplayedOutcome.PASS,
    Disposition.REVIEW: ReplayedOutcome.REVIEW,
    Disposition.REJECT: ReplayedOutcome.REJECT,
}
DISPOSITION_OF: Final = {outcome: disposition for disposition, outcome in OUTCOME_OF.items()}


class LimitGrid(NamedTuple):
    """Pairs of limits: every `pass_below` with every `reject_above` that is not below it."""

    pass_below: tuple[float, ...]
    reject_above: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.reject_above), len(self.pass_below)

    @property
    def is_pair(self) -> Array:
        """Whether the limits of each row (`reject_above`) and column (`pass_below`) are a valid pair."""
        return np.array(self.pass_below)[None, :] <= np.array(self.reject_above)[:, None]


class GridOutcomes(NamedTuple):
    """A ReplayedOutcome for each part, row and column of a grid, and the votes before it (0 where it is UNKNOWN)."""

    outcome: Array
    votes: Array


@dataclass(frozen=True, eq=False)
class VoteTable:
    """The votes of many parts, one row each, padded to the greatest number of votes.

    After each vote: `score` (NaN while no answer was readable), `is_sure`, the `lowest` and `highest` score that is
    left in reach, `is_last`, its `rung`, and the milliseconds since the first question. `may_pass` and `may_reject` say
    whether the line's limits hold for the part, or whether its second opinion keeps it from passing or from any
    verdict.
    """

    score: Array
    is_sure: Array
    lowest: Array
    highest: Array
    is_last: Array
    elapsed_ms: Array
    rung: Array
    count: Array
    may_pass: Array
    may_reject: Array
    unread: ReplayedOutcome

    @classmethod
    def of(cls, pipeline: Pipeline, stored: Sequence[StoredVotes]) -> Self:
        """Tally the votes of these parts."""
        width = max((len(each.votes) for each in stored), default=0)
        columns = np.full((len(stored), width, 4), math.nan)
        flags = np.zeros((len(stored), width, 2), bool)
        rungs = np.full((len(stored), width), -1, np.int16)
        for row, each in enumerate(stored):
            _tally(pipeline, each, columns[row], flags[row])
            rungs[row, : len(each.votes)] = [vote.rung for vote in each.votes]
        probed = pipeline.model_copy(update={"thresholds": PROBE})
        held = [_held_limits(probed, each.counting) for each in stored]
        return cls(
            columns[:, :, 0],
            flags[:, :, 0],
            columns[:, :, 1],
            columns[:, :, 2],
            flags[:, :, 1],
            columns[:, :, 3],
            rungs,
            np.array([len(each.votes) for each in stored], int),
            np.array([each[0] for each in held], bool),
            np.array([each[1] for each in held], bool),
            OUTCOME_OF[pipeline.fail_safe],
        )

    def __len__(self) -> int:
        return len(self.count)

    def take(self, chosen: Array) -> VoteTable:
        """Return the rows of a mask or of indexes."""
        return VoteTable(unread=self.unread, **{name: getattr(self, name)[chosen] for name in COLUMNS})

    def join(self, other: VoteTable) -> VoteTable:
        """Return the rows of both."""
        width = max(self.score.shape[1], other.score.shape[1])
        both = {name: _stacked(getattr(self, name), getattr(other, name), width) for name in COLUMNS}
        return VoteTable(unread=self.unread, **both)

    @property
    def final_score(self) -> Array:
        """The score after all stored votes; NaN without a readable one."""
        found = np.full(len(self), math.nan)
        has_votes = self.count > 0
        found[has_votes] = self.score[has_votes, self.count[has_votes] - 1]
        return found

    def rung_scores(self, rung: int) -> Array:
        """The score after this rung; NaN for parts that were not asked in it."""
        asked = self.rung == rung
        found = np.full(len(self), math.nan)
        rows = np.flatnonzero(asked.any(axis=1))
        last = asked.shape[1] - 1 - asked[rows, ::-1].argmax(axis=1)
        found[rows] = self.score[rows, last]
        return found

    def outcomes(self, grid: LimitGrid) -> GridOutcomes:
        """Return what each part would get at each pair of limits."""
        found = np.full((len(self), *grid.shape), ReplayedOutcome.UNKNOWN, np.int8)
        votes = np.zeros(found.shape, np.int16)
        pass_below, reject_above = self._limits(grid)
        left = np.arange(len(self))
        for at in range(self.score.shape[1]):
            left = left[(self.count[left] > at) & (found[left] == ReplayedOutcome.UNKNOWN).any(axis=(1, 2))]
            if not len(left):
                break
            limits = pass_below[left], reject_above[left]
            stops = (found[left] == ReplayedOutcome.UNKNOWN) & self._stops(left, at, *limits)
            outcome = np.broadcast_to(self._outcome(left, at, *limits), stops.shape)
            found[left] = np.where(stops, outcome, found[left])
            votes[left] = np.where(stops, at + 1, votes[left])
        return GridOutcomes(found, votes)

    def can_pass(self, pass_below: float) -> Array:
        """Return whether the votes so far say OK, for parts whose outcome is unknown."""
        is_ok: Array = self.may_pass & (self.final_score < pass_below)
        return is_ok

    def _limits(self, grid: LimitGrid) -> tuple[Array, Array]:
        """Return the grid's limits for each part. Nothing passes while the second opinion doubts it."""
        columns = np.where(self.may_pass[:, None], np.array(grid.pass_below)[None, :], 0.0)
        rows = np.where(self.may_reject[:, None], np.array(grid.reject_above)[None, :], 1.0)
        return columns[:, None, :], rows[:, :, None]

    def _stops(self, parts: Array, at: int, pass_below: Array, reject_above: Array) -> Array:
        """Return where asking stops after this vote: as `stopping.SequentialRule` does. NaN never stops it."""
        score, lowest, highest = (each[parts, at, None, None] for each in (self.score, self.lowest, self.highest))
        settled = self.is_sure[parts, at, None, None] & ((score < pass_below) | (score > reject_above))
        between = (lowest >= pass_below) & (highest <= reject_above)
        decided = (highest < pass_below) | (lowest > reject_above) | between
        stops: Array = settled | decided | self.is_last[parts, at, None, None]
        return stops

    def _outcome(self, parts: Array, at: int, pass_below: Array, reject_above: Array) -> Array:
        score = self.score[parts, at, None, None]
        between = np.where(np.isnan(score), self.unread, ReplayedOutcome.REVIEW)
        passed = np.where(score < pass_below, ReplayedOutcome.PASS, between)
        return np.where(score > reject_above, ReplayedOutcome.REJECT, passed)


COLUMNS: Final = tuple(field.name for field in fields(VoteTable) if field.name != "unread")


def _tally(pipeline: Pipeline, stored: StoredVotes, columns: Array, flags: Array) -> None:
    """Fill in the rows of one part: score, lowest, highest and milliseconds; whether it is sure, and the last."""
    most = min(pipeline.settle.max_votes, stored.most)
    before_ms, rung_ms, rung = 0.0, 0.0, -1
    for count, vote in enumerate(stored.votes, 1):
        if vote.rung != rung:
            before_ms, rung_ms, rung = before_ms + rung_ms, 0.0, vote.rung
        rung_ms = max(rung_ms, vote.ms)
        tally, left = Tally(stored.votes[:count], stored.counting), most - count
        columns[count - 1, 3] = before_ms + rung_ms
        flags[count - 1, 1] = left <= 0
        if (score := tally.score) is None:
            continue
        columns[count - 1, 0] = score
        flags[count - 1, 0] = tally.confidence >= pipeline.settle.confidence
        if left > 0:
            columns[count - 1, 1:3] = reachable_scores(tally, left)


def _held_limits(probed: Pipeline, counts: Counting) -> tuple[bool, bool]:
    """Return whether a part may pass, and whether it may be rejected, by what its second opinion says.

    `probed` is the pipeline with PROBE as its thresholds.
    """
    held = effective_thresholds(probed, counts)
    return held.pass_below == PROBE.pass_below, held.reject_above == PROBE.reject_above


def _stacked(mine: Array, theirs: Array, width: int) -> Array:
    if mine.ndim == 1:
        return np.concatenate([mine, theirs])
    return np.concatenate([_widened(mine, width), _widened(theirs, width)])


def _widened(column: Array, width: int) -> Array:
    """Pad the votes with what no limit compares true with."""
    blank = {"b": False, "i": -1}.get(column.dtype.kind, math.nan)
    return np.pad(column, ((0, 0), (0, width - column.shape[1])), constant_values=blank)
