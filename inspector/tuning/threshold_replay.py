"""The outcomes of stored votes at many limits at once, by the votes' table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from inspector.domain.part_history import PartHistory
from inspector.domain.pipeline import Pipeline
from inspector.tuning.counterfactual import Replay, StoredVotes
from inspector.tuning.vote_table import LimitGrid, VoteTable

Array = NDArray[Any]


class ThresholdReplay:
    """A pipeline with other limits, replayed on votes that were given under this fingerprint."""

    def __init__(self, pipeline: Pipeline, fingerprint: str, grid: LimitGrid) -> None:
        self._pipeline = pipeline
        self._replay = Replay(pipeline, fingerprint)
        self._grid = grid

    def outcomes(self, parts: Sequence[PartHistory]) -> Array:
        """Return a ReplayedOutcome for each part, row and column of the grid."""
        return self.outcomes_of([self._replay.stored(part) for part in parts])

    def outcomes_of(self, stored: Sequence[StoredVotes]) -> Array:
        """Return a ReplayedOutcome for each part's votes, row and column of the grid."""
        return VoteTable.of(self._pipeline, stored).outcomes(self._grid).outcome
