"""Find the cheapest ladder at a wanted escape share, from a line's stored votes or from recorded answers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from inspector.config.file_base import FileBase
from inspector.domain.line_version import VersionOrigin
from inspector.domain.part_history import balanced_sample
from inspector.domain.pipeline import Pipeline
from inspector.domain.vote import LabelledVotes, counting
from inspector.errors import InspectorError
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.separate_views import recorded_parts, separate_votes
from inspector.operations.compare_strategies import PartSource
from inspector.operations.export import as_yaml
from inspector.operations.line_records import read_line_records
from inspector.tuning.ladder_search import RiskLimits
from inspector.tuning.recommendation import Recommendation, apply_ladder, recommend


class LadderPlan(NamedTuple):
    """A line's current pipeline, the recommendation for it, and the version that a file with it is based on."""

    source: str
    pipeline: Pipeline
    advice: Recommendation
    base: FileBase | None = None


def plan_line(database: str, line: str, limits: RiskLimits) -> LadderPlan:
    """Plan from reviewed parts whose whole ladder was asked. Raises InspectorError if there are too few."""
    records = read_line_records(database, line)
    pipeline, shadows = records.live.pipeline, [past for past in records.history.parts if past.shadow]
    parts = [LabelledVotes(past.shadow, past.is_ng) for past in balanced_sample(shadows)]
    advice = recommend(parts, pipeline, counting(pipeline, records.fingerprint), limits)
    base = FileBase(line, records.live.version, VersionOrigin.PLAN)
    return LadderPlan(f"{line}, version {records.live.version}: stored votes", pipeline, advice, base)


def plan_recorded(source: PartSource, votes: Path, line: str, limits: RiskLimits) -> LadderPlan:
    """Plan from labelled parts and their recorded answers. Raises InspectorError if it holds none."""
    if not votes.is_file():
        raise InspectorError(f"{votes} does not exist; record answers first: inspector eval … --strategy default")
    parts = recorded_parts(source.parts, RecordingFile(votes).newest(), line)
    pipeline = parts[0].pipeline
    advice = recommend(separate_votes(parts), pipeline, counting(pipeline, parts[0].recording.fingerprint), limits)
    return LadderPlan(f"{line} on {source.name}", pipeline, advice)


def write_plan(planned: LadderPlan, file: Path) -> None:
    """Write the chosen ladder as a pipeline file.

    Raises InspectorError if there is none, if its escape share is not proved, or if the write fails.
    """
    advice = planned.advice
    if advice.chosen is None or advice.bound is None:
        raise InspectorError(
            f"no ladder is proved to keep these limits on {planned.source}: nothing to write to {file}; half of the NG "
            f"parts prove an escape share of {advice.provable:.1%} at best"
        )
    if not advice.is_proved:
        raise InspectorError(
            f"the checking half proves an escape share of {advice.bound:.1%}, not {advice.limits.escape:.1%}: nothing "
            f"is written to {file}; raise --escape, or review more NG parts ({advice.wanted_ng} there, none missed)"
        )
    note = (
        f"ladder and thresholds chosen by inspector plan ({planned.source}); golden samples are relative to this file"
    )
    try:
        file.write_text(as_yaml(apply_ladder(advice.chosen, planned.pipeline), planned.base, note), encoding="utf-8")
    except OSError as error:
        raise InspectorError(f"{file} can't be written: {error}; name another file with --write") from error
