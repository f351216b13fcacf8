"""Limits with a guarantee, from a line's stored votes and reviews; or which parts to review next."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import Disposition
from inspector.lines.line_records import judged_fingerprint
from inspector.lines.states import live_version
from inspector.lines.vote_tables import LineVotes, VoteTables
from inspector.ports.ledger import PipelineVersion
from inspector.ports.lines import LineArchive
from inspector.ports.tuning import UNREVIEWED, IdentifiedPart, VotedParts
from inspector.tuning.review_plan import ReviewPlan, ng_estimate, parts_to_review, review_plan
from inspector.tuning.threshold_choice import (
    ThresholdChoice,
    ThresholdPoint,
    ThresholdPromise,
    choose_thresholds,
    limit_grid,
)
from inspector.tuning.threshold_evidence import DISPOSITIONS, PartSample

Array = NDArray[Any]
MAX_KEPT: Final = 12


class ThresholdAdvice(NamedTuple):
    """The chosen limits of a line, or the reviews that are missing.

    `fingerprint` is that of the newest judgements. `next_parts` are the parts to review next. `reviewed_elsewhere`
    counts reviewed parts of other fingerprints, which do not count.
    """

    live: PipelineVersion
    fingerprint: str
    choice: ThresholdChoice
    plan: ReviewPlan | None
    next_parts: tuple[IdentifiedPart, ...]
    reviewed_elsewhere: int

    def as_json(self) -> dict[str, Any]:
        choice, plan, live = self.choice, self.plan, self.live
        return {
            "line": live.pipeline.line,
            "version": live.version,
            "fingerprint": self.fingerprint,
            "promise": choice.promise._asdict(),
            "proved": choice.chosen is not None,
            "chosen": _point(choice.chosen),
            "current": _point(choice.current),
            "nearest": _point(choice.nearest),
            "dispositions": [each._asdict() | {"reviewed_share": each.reviewed_share} for each in choice.samples],
            "left_out": {"not_decided_by_votes": choice.left_out, "reviewed_elsewhere": self.reviewed_elsewhere},
            "review_next": None if plan is None else plan._asdict() | {"sufficient": plan.is_sufficient},
            "review_parts": [part.result_id for part in self.next_parts],
            "points": [_point(point) for point in choice.row],
        }


class AdviceArchive(LineArchive, Protocol):
    """What is known about a line's parts. Synchronous. Raises LedgerError."""

    def pictured(self, numbers: Sequence[int]) -> set[int]:
        """Return which of these parts have a picture that is still stored."""

    def reviewed_elsewhere(self, line: str, fingerprint: str) -> int:
        """Count the line's reviewed parts under other fingerprints."""


class _KeptAdvice(NamedTuple):
    """An advice, and the parts that it is about."""

    voted: VotedParts
    advice: ThresholdAdvice


@dataclass(frozen=True, slots=True)
class ThresholdAdvisor:
    """Chooses limits on the bound. Thread-safe: the advice about the same parts is computed once for all who ask.

    Raises LedgerError, and InspectorError for a line without judged parts.
    """

    archive: AdviceArchive
    tables: VoteTables
    _kept: dict[Hashable, _KeptAdvice] = field(default_factory=dict, init=False, repr=False)
    _turn: Lock = field(default_factory=Lock, init=False, repr=False)

    def advise(self, line: str, promise: ThresholdPromise, *, whole_ladder: bool = False) -> ThresholdAdvice:
        """Choose limits that keep the promise. Raises InspectorError for a promise that nothing could prove."""
        promise.validate()
        live = live_version(self.archive, line)
        fingerprint = judged_fingerprint(self.archive, live)
        asked = (line, fingerprint, live.version, promise, whole_ladder)
        with self._turn:
            voted, kept = self.tables.recent_parts(line, fingerprint), self._kept.pop(asked, None)
            if kept is None or kept.voted is not voted:
                kept = _KeptAdvice(voted, self._choose(live, voted, promise, whole_ladder=whole_ladder))
            self._kept[asked] = kept
            while len(self._kept) > MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
        return kept.advice

    def _choose(
        self, live: PipelineVersion, voted: VotedParts, promise: ThresholdPromise, *, whole_ladder: bool
    ) -> ThresholdAdvice:
        line, fingerprint = voted.line, voted.fingerprint
        grid = limit_grid(live.pipeline, promise, whole_ladder=whole_ladder)
        votes = self.tables.votes(voted, live.pipeline)
        if whole_ladder:
            votes = votes.take(votes.parts.has_shadow)
        totals = None if whole_ladder else self.tables.disposition_counts(line, fingerprint)
        sample = _sample(votes, totals)
        outcomes = votes.table.take(votes.parts.by_votes).outcomes(grid).outcome
        choice = choose_thresholds(sample.evidence(grid, outcomes), promise, live.pipeline.thresholds)
        plan = review_plan(choice, ng_estimate(sample))
        chosen = self._open_parts(votes, plan) if plan else []
        elsewhere = self.archive.reviewed_elsewhere(line, fingerprint)
        return ThresholdAdvice(live, fingerprint, choice, plan, tuple(chosen), elsewhere)

    def _open_parts(self, votes: LineVotes, plan: ReviewPlan) -> list[IdentifiedPart]:
        """List the parts to review: nobody reviewed them, and their picture is still there."""
        places = np.flatnonzero(votes.truth == UNREVIEWED)
        number = votes.parts.number[places]

        def has_picture(chosen: Array) -> Array:
            pictured = self.archive.pictured(number[chosen].tolist())
            return np.array([each in pictured for each in number[chosen].tolist()], bool)

        parts = votes.parts
        chosen = parts_to_review(parts.disposition[places], parts.review_draw[places], plan, has_picture)
        return [parts.named(at) for at in places[chosen].tolist()]


def _sample(votes: LineVotes, totals: Mapping[Disposition, int] | None) -> PartSample:
    """Return the parts in columns. Without totals they represent themselves: a hash chose them."""
    parts = votes.parts
    if totals is None:
        counts = np.bincount(parts.disposition, minlength=len(DISPOSITIONS)).tolist()
        totals = dict(zip(DISPOSITIONS, counts, strict=True))
    return PartSample(parts.count_draw, votes.truth, parts.disposition, parts.by_votes, totals)


def _point(point: ThresholdPoint | None) -> dict[str, Any] | None:
    if point is None:
        return None
    shares = {name: getattr(point, name)._asdict() for name in ("escape", "overkill", "review")}
    return {
        "thresholds": point.thresholds.model_dump(),
        **shares,
        "passed": point.passed,
        "unknown": point.unknown,
        "is_proved": point.is_proved,
    }
