"""Has a model write a line's checklist, and stores the questions that hold on trial as a new version of the line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console

from inspector.adapters.ledger import Declaration, SqlArchive, store_versions
from inspector.domain.declared import ViewName
from inspector.domain.pipeline import Pipeline
from inspector.domain.review import History
from inspector.errors import InspectorError
from inspector.operations.export import as_yaml
from inspector.operations.line_records import MAX_UNREVIEWED_PARTS, live_version
from inspector.operations.train_and_measure import stages
from inspector.ports.engine import Engine
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PipelineVersion
from inspector.tuning.checklist import CandidateQuestion, WrittenChecklist, candidates
from inspector.tuning.checklist_trial import TrialAnswers, TrialResult, choose_questions, evaluate_candidates
from inspector.tuning.checklist_writer import ChecklistWriter, ReviewedPicture

MAX_REVIEWED_PER_CLASS: Final = 20  # reviewed parts of each kind


@dataclass(frozen=True, slots=True)
class ChecklistResources:
    """Where lines and pictures are, and the model that writes. It is opened once a line is known to need it."""

    database: str
    evidence: EvidenceStore
    open_engine: Callable[[], Engine]


class ChecklistResult(NamedTuple):
    """What was written and tried. `version` is the new one, None where nothing was stored."""

    live: PipelineVersion
    reading: WrittenChecklist
    heard: TrialAnswers
    tried: tuple[TrialResult, ...]
    version: int | None = None

    @property
    def kept(self) -> tuple[CandidateQuestion, ...]:
        """The checklist: none where no question of the model's is among the best."""
        best = choose_questions(self.tried)
        return best if any(each.written for each in best) else ()

    @property
    def pipeline(self) -> Pipeline:
        """The line with this checklist. What was learned from votes holds for the old questions."""
        return self.live.pipeline.model_copy(
            update={"checklist": tuple(each.text for each in self.kept), "learned": None}
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.live.pipeline.line,
            "version": self.live.version,
            "new_version": self.version,
            "checklist": [each.text for each in self.kept],
            "replaced": list(self.live.pipeline.checklist),
            "tried": [_tried_json(each, each.candidate in self.kept) for each in self.tried],
            "refused": [each._asdict() for each in self.reading.refused],
            "golden_samples": len(self.heard.golden),
            "reviewed": {"ok": len(self.heard.ok), "ng": len(self.heard.ng), "missing": self.heard.missing},
        }


def write_checklist(
    screen: Console,
    resources: ChecklistResources,
    line: str,
    *,
    most: int = MAX_REVIEWED_PER_CLASS,
    replace: bool = False,
    dry_run: bool = False,
) -> ChecklistResult:
    """Raises InspectorError for a line that has nothing to write questions from, would not ask them, or was changed by
    somebody else meanwhile."""
    live = _live(resources.database, line)
    _require_use(live, replace=replace)
    found = asyncio.run(_questioned(screen, resources, live, _reviewed(resources.database, line, most)))
    if dry_run or not found.kept:
        return found
    if (now := _live(resources.database, line)) != live:
        raise InspectorError(f"{line} was changed meanwhile (version {now.version}): nothing is stored; run it again")
    stored = store_versions(resources.database, [Declaration(found.pipeline, live.golden, os.environ.get("USER", ""))])
    return found._replace(version=stored[0].version if stored else None)


def write_file(found: ChecklistResult, file: Path) -> None:
    """The line with its checklist as a pipeline file. Raises InspectorError where it can't be written."""
    note = "checklist written by inspector checklist; golden samples are relative to this file"
    try:
        file.write_text(as_yaml(found.pipeline, note), encoding="utf-8")
    except OSError as error:
        raise InspectorError(f"{file} can't be written: {error}; name another file with --write") from error


async def _questioned(
    screen: Console, resources: ChecklistResources, live: PipelineVersion, reviewed: Sequence[ReviewedPicture]
) -> ChecklistResult:
    questioner = ChecklistWriter(resources.open_engine(), resources.evidence, live)
    reading, heard = await questioner.write(), TrialAnswers(())
    if not reading.usable:
        return ChecklistResult(live, reading, heard, ())
    asked, total = candidates(reading, live.pipeline), len(live.golden) + len(reviewed)
    with stages(screen) as show:
        heard = await questioner.try_out(asked, reviewed, lambda done: show("trying the questions", done, total))
    return ChecklistResult(live, reading, heard, evaluate_candidates(asked, heard))


def _live(database: str, line: str) -> PipelineVersion:
    with closing(SqlArchive(database)) as archive:
        return live_version(archive, line)


def _reviewed(database: str, line: str, most: int) -> list[ReviewedPicture]:
    """Of the parts judged as the line stands, as many reviewed ones of each kind."""
    with closing(SqlArchive(database)) as archive:
        fingerprint = archive.fingerprint(line)
        history = archive.history(line, fingerprint, MAX_UNREVIEWED_PARTS) if fingerprint else History((), {})
    return [*_spread(history, most, is_ng=False), *_spread(history, most, is_ng=True)]


def _spread(history: History, most: int, *, is_ng: bool) -> list[ReviewedPicture]:
    """From the oldest to the newest: neighbours on a line look alike."""
    pictures = [past.part.evidence.sha256 for past in history.parts if past.part.evidence and past.is_ng is is_ng]
    count = min(most, len(pictures))
    return [ReviewedPicture(pictures[place * len(pictures) // count], is_ng) for place in range(count)]


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
            f"{line} has a checklist already ({len(pipeline.checklist)} questions); --replace has another one written"
        )


def _tried_json(tried: TrialResult, kept: bool) -> dict[str, Any]:
    discrimination = tried.discrimination._asdict() if tried.discrimination else None
    return {
        **tried.candidate._asdict(),
        "kept": kept,
        "golden": list(tried.golden),
        "reviewed": discrimination,
        "dropped": tried.fault or None,
    }
