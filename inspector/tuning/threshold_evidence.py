"""The evidence about limits: stored votes at many limits, with what people said about a sample of the parts. Pure.

People review rejected parts sooner than passed ones. A share over all reviewed parts would describe that choice.

- Estimates weigh each reviewed part by the number of parts that it represents (Horvitz & Thompson 1952).
- Bounds use a subset in which all parts had the same chance. Each reviewed part stays with the least share reviewed
  among the relevant dispositions, divided by the share of its own: rejection sampling (von Neumann 1951), with an exact
  binomial bound on what stays (Park, Dobriban, Lee & Bastani 2022, "PAC prediction sets under covariate shift"). A hash
  of the part decides, so the same evidence gives the same answer.

A disposition is relevant where one of its parts, reviewed or not, would be wrong. Wrong parts of the others do not
exist, so too few of their parts only make the share look worse. Within a disposition, reviewed parts must be a random
choice. Unknown outcomes count as wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import Disposition
from inspector.domain.part_history import HASH_SPACE, History
from inspector.domain.pipeline import Pipeline
from inspector.ports.tuning import UNREVIEWED
from inspector.tuning.counterfactual import is_decided_by_votes
from inspector.tuning.threshold_replay import ThresholdReplay
from inspector.tuning.vote_table import LimitGrid, ReplayedOutcome

Array = NDArray[Any]
DISPOSITIONS: Final = tuple(Disposition)
OK: Final = 0
NG: Final = 1


class DispositionSample(NamedTuple):
    """The parts of one disposition: all, those whose votes were read, and the reviewed ones."""

    disposition: Disposition
    parts: int
    read: int
    reviewed: int

    @property
    def reviewed_share(self) -> float:
        return self.reviewed / self.parts if self.parts else 0.0

    @property
    def read_share(self) -> float:
        return self.read / self.parts if self.parts else 0.0


class ShareCounts(NamedTuple):
    """Wrong parts at every pair of limits.

    `wrong` of `parts` had the same chance to be here; `unknown` of the wrong ones have an unknown outcome. `estimate`
    weighs all reviewed parts; it is 1 where a relevant disposition has none. `known` of `known_of` reviewed parts are
    wrong, whatever their chance was.
    """

    wrong: Array
    unknown: Array
    parts: Array
    estimate: Array
    known: Array
    known_of: int


@dataclass(frozen=True, slots=True)
class VoteEvidence:
    """Parts that their votes decided, replayed on a grid of limits.

    `outcomes` has one ReplayedOutcome per part, row and column. `truth` is OK, NG or UNREVIEWED, and `disposition` an
    index of DISPOSITIONS. `draw` is a number in 0..1 that nothing else depends on. `left_out` counts parts that a
    deadline or a fault decided.
    """

    grid: LimitGrid
    outcomes: Array
    truth: Array
    disposition: Array
    draw: Array
    samples: tuple[DispositionSample, ...]
    left_out: int = 0

    def escapes(self) -> ShareCounts:
        """Count the NG parts that would pass."""
        return self._reviewed_counts(NG, ReplayedOutcome.PASS)

    def overkill(self) -> ShareCounts:
        """Count the OK parts that would be rejected."""
        return self._reviewed_counts(OK, ReplayedOutcome.REJECT)

    def reviews(self) -> ShareCounts:
        """Count the parts that would go to REVIEW. This needs nobody's answer."""
        shares = np.array([each.read_share for each in self.samples])
        return self._counts(np.ones(len(self.truth), bool), ReplayedOutcome.REVIEW, shares)

    def passed(self) -> Array:
        """Count the parts that would pass, reviewed or not."""
        counted: Array = (self.outcomes == ReplayedOutcome.PASS).sum(axis=0)
        return counted

    def unknown(self) -> Array:
        """Count the parts with an unknown outcome, reviewed or not."""
        counted: Array = (self.outcomes == ReplayedOutcome.UNKNOWN).sum(axis=0)
        return counted

    def _reviewed_counts(self, truth: int, wrong: ReplayedOutcome) -> ShareCounts:
        shares = np.array([each.reviewed_share for each in self.samples])
        return self._counts(self.truth == truth, wrong, shares)

    def _counts(self, selected: Array, wrong: ReplayedOutcome, shares: Array) -> ShareCounts:
        is_unknown = self.outcomes == ReplayedOutcome.UNKNOWN
        is_wrong = (self.outcomes == wrong) | is_unknown
        least = self._least_share(is_wrong, shares)
        estimate = np.where(least > 0.0, self._estimate(selected, is_wrong, shares), 1.0)
        found, open_ends, parts = (np.zeros(least.shape, int) for _ in range(3))
        counts = ShareCounts(found, open_ends, parts, estimate, is_wrong[selected].sum(axis=0), int(selected.sum()))
        for share in np.unique(least[least > 0.0]):
            own = np.maximum(shares[self.disposition], np.finfo(float).tiny)
            kept, here = selected & (self.draw <= share / own), least == share
            counts.parts[here] = kept.sum()
            counts.wrong[here] = is_wrong[kept].sum(axis=0)[here]
            counts.unknown[here] = is_unknown[kept].sum(axis=0)[here]
        return counts

    def _least_share(self, is_wrong: Array, shares: Array) -> Array:
        """Return the least share among the dispositions with wrong parts; where there are none, the greatest share."""
        least = np.full(is_wrong.shape[1:], np.inf)
        for number, share in enumerate(shares):
            has_wrong = is_wrong[self.disposition == number].any(axis=0)
            least = np.where(has_wrong, np.minimum(least, share), least)
        return np.where(np.isinf(least), shares.max(initial=0.0), least)

    def _estimate(self, selected: Array, is_wrong: Array, shares: Array) -> Array:
        weights = 1.0 / shares[self.disposition[selected]]
        if not len(weights):
            return np.ones(is_wrong.shape[1:])
        estimate: Array = np.tensordot(weights, is_wrong[selected], axes=1) / weights.sum()
        return estimate


class PartSample(NamedTuple):
    """Parts that were read, in columns: a draw that nothing else depends on, truth, and an index of DISPOSITIONS.

    `by_votes` says whether the part's votes decided it. `totals` counts all parts that these represent.
    """

    draw: Array
    truth: Array
    disposition: Array
    by_votes: Array
    totals: Mapping[Disposition, int]

    @property
    def samples(self) -> tuple[DispositionSample, ...]:
        read = np.bincount(self.disposition, minlength=len(DISPOSITIONS)).tolist()
        reviewed = np.bincount(self.disposition[self.truth != UNREVIEWED], minlength=len(DISPOSITIONS)).tolist()
        return tuple(
            DispositionSample(each, max(self.totals.get(each, 0), read[at]), read[at], reviewed[at])
            for at, each in enumerate(DISPOSITIONS)
        )

    def evidence(self, grid: LimitGrid, outcomes: Array) -> VoteEvidence:
        """Return the evidence of the parts that their votes decided; `outcomes` are theirs."""
        counted = np.flatnonzero(self.by_votes)
        return VoteEvidence(
            grid=grid,
            outcomes=outcomes,
            truth=self.truth[counted],
            disposition=self.disposition[counted],
            draw=self.draw[counted],
            samples=self.samples,
            left_out=len(self.truth) - len(counted),
        )


def gather_evidence(history: History, pipeline: Pipeline, fingerprint: str, grid: LimitGrid) -> VoteEvidence:
    """Replay the parts that their votes decided."""
    parts = history.parts
    counted = [part for part in parts if is_decided_by_votes(part)]
    sample = PartSample(
        np.array([draw_of(part.part.result_id, "count") for part in parts], float),
        np.array([UNREVIEWED if part.is_ng is None else int(part.is_ng) for part in parts], int),
        np.array([DISPOSITIONS.index(part.part.would_be.disposition) for part in parts], int),
        np.array([is_decided_by_votes(part) for part in parts], bool),
        history.totals,
    )
    return sample.evidence(grid, ThresholdReplay(pipeline, fingerprint, grid).outcomes(counted))


def draw_of(result_id: str, purpose: str) -> float:
    """Return a number in 0..1 for a part. Draws for two purposes are independent."""
    digest = hashlib.sha256(f"{purpose}:{result_id}".encode()).digest()
    return int.from_bytes(digest[:8]) / HASH_SPACE
