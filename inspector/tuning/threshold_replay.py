"""The outcomes of stored votes at many limits at once. Pure.

Scores, confidences and reachable scores after each vote do not depend on the limits. They are computed once per part,
and compared with all limits. The result equals `counterfactual.Replay` at each pair of limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.decision import effective_thresholds
from inspector.domain.declared import Disposition
from inspector.domain.part_history import PartHistory
from inspector.domain.pipeline import Pipeline
from inspector.domain.stopping import reachable_scores
from inspector.domain.vote import Tally
from inspector.tuning.counterfactual import Replay, StoredVotes

Array = NDArray[Any]


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


class ThresholdReplay:
    """A pipeline with other limits, replayed on votes that were given under this fingerprint."""

    def __init__(self, pipeline: Pipeline, fingerprint: str, grid: LimitGrid) -> None:
        self._pipeline = pipeline
        self._replay = Replay(pipeline, fingerprint)
        self._grid = grid
        self._unread = OUTCOME_OF[pipeline.fail_safe]

    def outcomes(self, parts: Sequence[PartHistory]) -> Array:
        """Return a ReplayedOutcome for each part, row and column of the grid."""
        return self.outcomes_of([self._replay.stored(part) for part in parts])

    def outcomes_of(self, stored: Sequence[StoredVotes]) -> Array:
        """Return a ReplayedOutcome for each part's votes, row and column of the grid."""
        found = np.full((len(stored), *self._grid.shape), ReplayedOutcome.UNKNOWN, np.int8)
        for number, votes in enumerate(stored):
            self._play(votes, found[number])
        return found

    def _play(self, stored: StoredVotes, found: Array) -> None:
        """Fill in the outcomes of one part. They stay UNKNOWN where its votes end too early."""
        pass_below, reject_above = self._limits(stored)
        most = min(self._pipeline.settle.max_votes, stored.most)
        is_open = np.ones(found.shape, bool)
        for count in range(1, len(stored.votes) + 1):
            tally = Tally(stored.votes[:count], stored.counting)
            stops = is_open & self._stops(tally, most - count, pass_below, reject_above)
            outcome = self._outcome(tally.score, pass_below, reject_above)
            found[stops] = np.broadcast_to(outcome, found.shape)[stops]
            is_open &= ~stops
            if not is_open.any():
                return

    def _limits(self, stored: StoredVotes) -> tuple[Array, Array]:
        """Return the grid's limits for this part. Nothing passes while the second opinion doubts it."""
        withheld = effective_thresholds(self._pipeline, stored.counting).pass_below != (
            self._pipeline.thresholds.pass_below
        )
        columns = np.zeros(self._grid.shape[1]) if withheld else np.array(self._grid.pass_below)
        return columns[None, :], np.array(self._grid.reject_above)[:, None]

    def _stops(self, tally: Tally, left: int, pass_below: Array, reject_above: Array) -> Array:
        """Return where asking stops after these votes: as `stopping.SequentialRule` does."""
        if left <= 0:
            return np.ones(self._grid.shape, bool)
        if tally.score is None:
            return np.zeros(self._grid.shape, bool)
        lowest, highest = reachable_scores(tally, left)
        is_sure = tally.confidence >= self._pipeline.settle.confidence
        settled = is_sure & ((tally.score < pass_below) | (tally.score > reject_above))
        between = (lowest >= pass_below) & (highest <= reject_above)
        stops: Array = settled | (highest < pass_below) | (lowest > reject_above) | between
        return stops

    def _outcome(self, score: float | None, pass_below: Array, reject_above: Array) -> Array:
        read = math.nan if score is None else score
        between = self._unread if score is None else ReplayedOutcome.REVIEW
        passed = np.where(read < pass_below, ReplayedOutcome.PASS, between)
        return np.where(read > reject_above, ReplayedOutcome.REJECT, passed)
