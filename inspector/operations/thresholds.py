"""Choose a line's limits with a guarantee, from its stored votes and reviews; or say which parts to review next."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from inspector.adapters.ledger import SqlArchive
from inspector.config.file_base import FileBase
from inspector.domain.line_version import VersionOrigin
from inspector.errors import InspectorError
from inspector.lines.threshold_advice import ThresholdAdvice, ThresholdAdvisor
from inspector.lines.vote_tables import VoteTables
from inspector.operations.export import as_yaml
from inspector.ports.tuning import IdentifiedPart
from inspector.tuning.threshold_choice import ThresholdPromise


def advise_thresholds(
    database: str, line: str, promise: ThresholdPromise, *, whole_ladder: bool = False
) -> ThresholdAdvice:
    """Choose limits on the bound. Raises InspectorError for an unknown line or a promise that nothing could prove."""
    with closing(SqlArchive(database)) as archive:
        return ThresholdAdvisor(archive, VoteTables(archive)).advise(line, promise, whole_ladder=whole_ladder)


def write_thresholds(advice: ThresholdAdvice, file: Path) -> None:
    """Write the pipeline with the proved limits. Raises InspectorError where none are proved, or the write fails."""
    chosen, live = advice.choice.chosen, advice.live
    if chosen is None:
        raise InspectorError(
            f"no limits of {live.pipeline.line} are proved: nothing is written to {file}; review the parts of "
            "--review-next FILE, or promise less"
        )
    note = f"limits chosen by inspector thresholds: {promised(advice.choice.promise)}"
    changed = live.pipeline.model_copy(update={"thresholds": chosen.thresholds})
    _write(file, as_yaml(changed, FileBase(live.pipeline.line, live.version, VersionOrigin.PLAN), note))


def write_review_list(parts: Sequence[IdentifiedPart], file: Path) -> None:
    """Write the parts to review as a CSV file, whose empty verdicts a person fills in for `inspector review`."""
    try:
        with file.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out)
            rows.writerow(("result_id", "trigger_id", "camera", "disposition", "verdict"))
            for part in parts:
                rows.writerow((part.result_id, part.trigger_id, part.camera, part.disposition, ""))
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
