"""Let a model write a line's checklist, try its questions, and store those that hold as a new version of the line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from inspector.adapters.ledger import DeclaredVersion, SqlArchive, store_versions
from inspector.config.file_base import FileBase
from inspector.domain.declared import ViewName
from inspector.domain.line_version import VersionOrigin
from inspector.domain.part_history import History
from inspector.domain.pipeline import Pipeline
from inspector.errors import InspectorError
from inspector.lines.line_records import MAX_UNREVIEWED_PARTS
from inspector.lines.states import live_version
from inspector.operations.export import as_yaml
from inspector.operations.line_states import user_name
from inspector.operations.progress import ReportProgress, no_progress
from inspector.ports.engine import Engine
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PipelineVersion
from inspector.tuning.checklist import CandidateQuestion, WrittenChecklist, candidates
from inspector.tuning.checklist_trial import TrialAnswers, TrialResult, choose_questions, evaluate_candidates
from inspector.tuning.checklist_writer import ChecklistWriter, ReviewedPicture

MAX_REVIEWED_PER_CLASS: Final = 20  # reviewed OK parts, and as many NG parts, that questions are tried on


@dataclass(frozen=True, slots=True)
class ChecklistResources:
    """The ledger, the pictures, and the model that writes; it is loaded only for a line that can use a checklist."""

    database: str
    evidence: EvidenceStore
    open_engine: Callable[[], Engine]


class ChecklistResult(NamedTuple):
    """The written questions and their trial. `version` is the new version, None if nothing was stored."""

    live: PipelineVersion
    written: WrittenChecklist
    answers: TrialAnswers
    tried: tuple[TrialResult, ...]
    version: int | None = None

    @property
    def chosen(self) -> tuple[CandidateQuestion, ...]:
        """The checklist; empty if the model wrote none of the best questions."""
        best = choose_questions(self.tried)
        return best if any(candidate.written for candidate in best) else ()

    @property
    def pipeline(self) -> Pipeline:
        """The line with this checklist, without the values learned from answers to the old questions."""
        return self.live.pipeline.model_copy(
            update={"checklist": tuple(candidate.text for candidate in self.chosen), "learned": None}
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.live.pipeline.line,
            "version": self.live.version,
            "new_version": self.version,
            "checklist": [candidate.text for candidate in self.chosen],
            "replaced": list(self.live.pipeline.checklist),
            "tried": [_tried_json(each, each.candidate in self.chosen) for each in self.tried],
            "refused": [each._asdict() for each in self.written.refused],
            "golden_samples": len(self.answers.golden),
            "reviewed": {"ok": len(self.answers.ok), "ng": len(self.answers.ng), "missing": self.answers.missing},
        }


def write_checklist(
    resources: ChecklistResources,
    line: str,
    *,
    most: int = MAX_REVIEWED_PER_CLASS,
    replace: bool = False,
    dry_run: bool = False,
    progress: ReportProgress = no_progress,
) -> ChecklistResult:
    """Write, try and store a checklist.

    Raises InspectorError for a line without golden samples or a checklist view, and for one that has a checklist
    (unless `replace`); ConflictError for one whose version changed meanwhile.
    """
    live = _live(resources.database, line)
    _require_use(live, replace=replace)
    reviewed = _reviewed(resources.database, line, most)
    result = asyncio.run(_write_and_try(resources, live, reviewed, progress))
    if dry_run or not result.chosen:
        return result
    checklist = DeclaredVersion(
        result.pipeline,
        live.golden,
        user_name(),
        parent=live.version,
        reason=f"{len(result.chosen)} questions chosen by inspector checklist",
        origin=VersionOrigin.CHECKLIST,
    )
    stored = store_versions(resources.database, [checklist])
    return result._replace(version=stored[0].version if stored else None)


def write_file(result: ChecklistResult, file: Path) -> None:
    """Write the line with its checklist as a pipeline file. Raises InspectorError if the file is not writable."""
    base = FileBase(result.live.pipeline.line, result.live.version, VersionOrigin.CHECKLIST)
    note = "checklist written by inspector checklist; golden samples are relative to this file"
    try:
        file.write_text(as_yaml(result.pipeline, base, note), encoding="utf-8")
    except OSError as error:
        raise InspectorError(f"{file} can't be written: {error}; name another file with --write") from error


async def _write_and_try(
    resources: ChecklistResources, live: PipelineVersion, reviewed: Sequence[ReviewedPicture], progress: ReportProgress
) -> ChecklistResult:
    writer = ChecklistWriter(resources.open_engine(), resources.evidence, live)
    written, answers = await writer.write(), TrialAnswers(())
    if not written.usable:
        return ChecklistResult(live, written, answers, ())
    questions, total = candidates(written, live.pipeline), len(live.golden) + len(reviewed)
    answers = await writer.try_out(questions, reviewed, lambda done: progress("trying the questions", done, total))
    return ChecklistResult(live, written, answers, evaluate_candidates(questions, answers))


def _live(database: str, line: str) -> PipelineVersion:
    with closing(SqlArchive(database)) as archive:
        return live_version(archive, line)


def _reviewed(database: str, line: str, most: int) -> list[ReviewedPicture]:
    """At most `most` reviewed OK parts, and as many NG ones, judged under the line's live declaration."""
    with closing(SqlArchive(database)) as archive:
        fingerprint = archive.fingerprint(line)
        history = archive.history(line, fingerprint, MAX_UNREVIEWED_PARTS) if fingerprint else History((), {})
    return [*_spread(history, most, is_ng=False), *_spread(history, most, is_ng=True)]


def _spread(history: History, most: int, *, is_ng: bool) -> list[ReviewedPicture]:
    """Parts spread from the oldest to the newest, because neighbours on a line look alike."""
    hashes = [past.part.evidence.sha256 for past in history.parts if past.part.evidence and past.is_ng is is_ng]
    count = min(most, len(hashes))
    return [ReviewedPicture(hashes[place * len(hashes) // count], is_ng) for place in range(count)]


def _require_use(live: PipelineVersion, *, replace: bool) -> None:
    line, pipeline = live.pipeline.line, live.pipeline
    if not live.golden:
        raise InspectorError(
            f"{line} has no golden samples to write questions from; list pictures of good parts in golden_samples, "
            "best four, and apply it"
        )
    if not any(ViewName.CHECKLIST in rung.views for rung in pipeline.ladder):
        raise InspectorError(f"{line} asks no checklist; add the view checklist to a rung of its ladder, and apply it")
    if pipeline.checklist and not replace:
        raise InspectorError(
            f"{line} has a checklist already ({len(pipeline.checklist)} questions); --replace writes another one"
        )


def _tried_json(trial: TrialResult, is_chosen: bool) -> dict[str, Any]:
    return {
        **trial.candidate._asdict(),
        "kept": is_chosen,
        "golden": list(trial.golden),
        "reviewed": trial.discrimination._asdict() if trial.discrimination else None,
        "dropped": trial.fault or None,
    }
