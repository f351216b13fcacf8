"""Choose a line's limits with a guarantee, from its stored votes and reviews; or say which parts to review next."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from inspector.adapters.ledger import SqlArchive
from inspector.config.file_base import FileBase
from inspector.domain.line_version import VersionOrigin
from inspector.domain.part_history import PartHistory
from inspector.errors import InspectorError
from inspector.operations.export import as_yaml
from inspector.operations.line_records import LineRecords, read_line_records
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


def advise_thresholds(
    database: str, line: str, promise: ThresholdPromise, *, whole_ladder: bool = False
) -> ThresholdAdvice:
    """Choose limits on the bound. Raises InspectorError for an unknown line or a promise that nothing could prove."""
    promise.validate()
    records = read_line_records(database, line)
    pipeline, history = records.live.pipeline, records.history
    grid = limit_grid(pipeline, promise, whole_ladder=whole_ladder)
    evidence = gather_evidence(history, pipeline, records.fingerprint, grid, whole_ladder=whole_ladder)
    choice = choose_thresholds(evidence, promise, pipeline.thresholds)
    parts = [part for part in history.parts if part.shadow or not whole_ladder]
    plan = review_plan(choice, ng_estimate(parts, choice.samples))
    chosen = parts_to_review(parts, plan) if plan else []
    with closing(SqlArchive(database)) as archive:
        elsewhere = archive.reviewed_elsewhere(line, records.fingerprint)
    return ThresholdAdvice(records, choice, plan, tuple(chosen), elsewhere)


def write_thresholds(advice: ThresholdAdvice, file: Path) -> None:
    """Write the pipeline with the proved limits. Raises InspectorError where none are proved, or the write fails."""
    chosen, live = advice.choice.chosen, advice.records.live
    if chosen is None:
        raise InspectorError(
            f"no limits of {live.pipeline.line} are proved: nothing is written to {file}; review the parts of "
            "--review-next FILE, or promise less"
        )
    note = f"limits chosen by inspector thresholds: {promised(advice.choice.promise)}"
    changed = live.pipeline.model_copy(update={"thresholds": chosen.thresholds})
    _write(file, as_yaml(changed, FileBase(live.pipeline.line, live.version, VersionOrigin.PLAN), note))


def write_review_list(parts: Sequence[PartHistory], file: Path) -> None:
    """Write the parts to review as a CSV file, whose empty verdicts a person fills in for `inspector review`."""
    try:
        with file.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out)
            rows.writerow(("result_id", "trigger_id", "camera", "disposition", "verdict"))
            for each in parts:
                part = each.part
                rows.writerow((part.result_id, part.key.trigger_id, part.key.camera, part.would_be.disposition, ""))
    except OSError as error:
        raise InspectorError(f"{file} can't be written: {error}; name another file") from error


def promised(promise: ThresholdPromise) -> str:
    """The promise in words."""
    overkill = "" if promise.overkill is None else f" and overkill share ≤ {promise.overkill:.2%}"
    return f"escape share ≤ {promise.escape:.2%}{overkill} at {promise.confidence:.0%} confidence"


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InspectorError(f"{file} can't be written: {error}; name another file with --write") from error


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
