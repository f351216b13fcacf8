"""Two sets of limits or settings on the same stored parts: what moves, what escapes, and what nobody can know."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from inspector.domain.pipeline import Pipeline
from inspector.lines.vote_tables import LineVotes
from inspector.tuning.counterfactual import Impact
from inspector.tuning.vote_table import DISPOSITION_OF, LimitGrid, ReplayedOutcome, VoteTable

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class PairOutcomes:
    """What each part would get under one pair of limits, and the votes before it. `may_pass`: it passes, or could."""

    outcome: Array
    votes: Array
    may_pass: Array

    @classmethod
    def of(cls, table: VoteTable, pipeline: Pipeline) -> PairOutcomes:
        limits = pipeline.thresholds
        found = table.outcomes(LimitGrid((limits.pass_below,), (limits.reject_above,)))
        outcome = found.outcome[:, 0, 0]
        could = (outcome == ReplayedOutcome.UNKNOWN) & table.can_pass(limits.pass_below)
        return cls(outcome, found.votes[:, 0, 0], (outcome == ReplayedOutcome.PASS) | could)

    def take(self, chosen: Array) -> PairOutcomes:
        """Return the parts of a mask."""
        return PairOutcomes(self.outcome[chosen], self.votes[chosen], self.may_pass[chosen])


@dataclass(frozen=True, eq=False)
class VoteComparison:
    """Two pipelines on the same parts of one fingerprint. Equals `counterfactual.impact` and `new_escapes`."""

    fingerprint: str
    line_votes: LineVotes
    before: PairOutcomes
    after: PairOutcomes

    def take(self, chosen: Array) -> VoteComparison:
        """Return the comparison on the parts of a mask."""
        votes = self.line_votes.take(chosen)
        return VoteComparison(self.fingerprint, votes, self.before.take(chosen), self.after.take(chosen))

    @property
    def is_known(self) -> Array:
        """The parts that their votes decided and whose outcome is known under both."""
        open_ends = (self.before.outcome == ReplayedOutcome.UNKNOWN) | (self.after.outcome == ReplayedOutcome.UNKNOWN)
        known: Array = self.line_votes.parts.by_votes & ~open_ends
        return known

    @property
    def moves(self) -> Array:
        """The known parts whose disposition changes."""
        moved: Array = self.is_known & (self.before.outcome != self.after.outcome)
        return moved

    @property
    def escapes(self) -> Array:
        """The known NG parts that would newly pass, or could: doubt counts as a pass here."""
        has_votes = self.line_votes.parts.has_votes
        found: Array = self.line_votes.is_ng & has_votes & self.after.may_pass & ~self.before.may_pass
        return found

    @property
    def unknown_ng(self) -> int:
        """The NG parts whose stored votes end too early to know what becomes of them; none that was cut short."""
        found = self.line_votes.is_ng & self.line_votes.parts.by_votes & (self.after.outcome == ReplayedOutcome.UNKNOWN)
        return int(found.sum())

    @property
    def cut_short(self) -> tuple[int, int]:
        """The parts that a deadline or a fault ended, so that limits say nothing about them; the NG among them."""
        found = ~self.line_votes.parts.by_votes
        return int(found.sum()), int((found & self.line_votes.is_ng).sum())

    @property
    def impact(self) -> Impact:
        known, truth = self.is_known, self.line_votes.truth
        pairs = Counter(
            zip(self.before.outcome[self.moves].tolist(), self.after.outcome[self.moves].tolist(), strict=True)
        )
        both = (self.before, self.after)
        return Impact(
            parts=int(known.sum()),
            unknown=int((self.line_votes.parts.by_votes & ~known).sum()),
            moved={(DISPOSITION_OF[old], DISPOSITION_OF[new]): count for (old, new), count in pairs.items()},
            votes=_means(known, *both),
            escapes=_counts(known & (truth == 1), ReplayedOutcome.PASS, *both),
            overkill=_counts(known & (truth == 0), ReplayedOutcome.REJECT, *both),
            reviewed=int((known & (truth >= 0)).sum()),
        )


def _means(known: Array, before: PairOutcomes, after: PairOutcomes) -> tuple[float, float]:
    if not known.any():
        return 0.0, 0.0
    return float(before.votes[known].mean()), float(after.votes[known].mean())


def _counts(chosen: Array, outcome: ReplayedOutcome, before: PairOutcomes, after: PairOutcomes) -> tuple[int, int]:
    return int((before.outcome[chosen] == outcome).sum()), int((after.outcome[chosen] == outcome).sum())
