"""Limits with a guarantee, from a line's stored votes and reviews; or which parts to review next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from inspector.domain.part_history import PartHistory
from inspector.lines.line_records import LineRecords, RecordArchive, line_records
from inspector.tuning.review_plan import ReviewPlan, ng_estimate, parts_to_review, review_plan
from inspector.tuning.threshold_choice import (
    ThresholdChoice,
    ThresholdPoint,
    ThresholdPromise,
    choose_thresholds,
    limit_grid,
)
from inspector.tuning.threshold_evidence import gather_evidence


class ThresholdAdvice(NamedTuple):
    """The chosen limits of a line, or the reviews that are missing.

    `next_parts` are the parts to review next. `reviewed_elsewhere` counts reviewed parts of other fingerprints, which
    do not count.
    """

    records: LineRecords
    choice: ThresholdChoice
    plan: ReviewPlan | None
    next_parts: tuple[PartHistory, ...]
    reviewed_elsewhere: int

    def as_json(self) -> dict[str, Any]:
        choice, plan, live = self.choice, self.plan, self.records.live
        return {
            "line": live.pipeline.line,
            "version": live.version,
            "fingerprint": self.records.fingerprint,
            "promise": choice.promise._asdict(),
            "proved": choice.chosen is not None,
            "chosen": _point(choice.chosen),
            "current": _point(choice.current),
            "nearest": _point(choice.nearest),
            "dispositions": [each._asdict() | {"reviewed_share": each.reviewed_share} for each in choice.samples],
            "left_out": {"not_decided_by_votes": choice.left_out, "reviewed_elsewhere": self.reviewed_elsewhere},
            "review_next": None if plan is None else plan._asdict() | {"sufficient": plan.is_sufficient},
            "review_parts": [part.part.result_id for part in self.next_parts],
            "points": [_point(point) for point in choice.row],
        }


class AdviceArchive(RecordArchive, Protocol):
    """What is known about a line's parts. Synchronous. Raises LedgerError."""

    def reviewed_elsewhere(self, line: str, fingerprint: str) -> int:
        """Count the line's reviewed parts under other fingerprints."""


@dataclass(frozen=True, slots=True)
class ThresholdAdvisor:
    """Chooses limits on the bound. Raises LedgerError, and InspectorError for a line without judged parts."""

    archive: AdviceArchive

    def advise(self, line: str, promise: ThresholdPromise, *, whole_ladder: bool = False) -> ThresholdAdvice:
        """Choose limits that keep the promise. Raises InspectorError for a promise that nothing could prove."""
        promise.validate()
        records = line_records(self.archive, line)
        pipeline, history = records.live.pipeline, records.history
        grid = limit_grid(pipeline, promise, whole_ladder=whole_ladder)
        evidence = gather_evidence(history, pipeline, records.fingerprint, grid, whole_ladder=whole_ladder)
        choice = choose_thresholds(evidence, promise, pipeline.thresholds)
        parts = [part for part in history.parts if part.shadow or not whole_ladder]
        plan = review_plan(choice, ng_estimate(parts, choice.samples))
        chosen = parts_to_review(parts, plan) if plan else []
        elsewhere = self.archive.reviewed_elsewhere(line, records.fingerprint)
        return ThresholdAdvice(records, choice, plan, tuple(chosen), elsewhere)


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
