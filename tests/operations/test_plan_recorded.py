"""A ladder planned from recorded answers, and simulated votes: both without a line or a ledger."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from support.evaluated_parts import OpinionatedEngine, a_line, parts
from support.fakes import MemoryEvidence

from inspector.cli.eval.simulation import simulation_table
from inspector.domain.declared import ViewName
from inspector.errors import InspectorError
from inspector.lab.evaluation.part_recorder import PartRecorder
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.separate_views import recorded_parts, separate_votes
from inspector.lab.evaluation.stopping_simulation import simulate, simulation_report
from inspector.lab.report_files import write_report
from inspector.operations.compare_strategies import PartSource
from inspector.operations.plan import LadderPlan, plan_recorded
from inspector.tuning.ladder_search import RiskLimits
from inspector.tuning.recommendation import MIN_REVIEWED_PER_CLASS

COUNT = 2 * MIN_REVIEWED_PER_CLASS


@pytest.fixture(scope="module")
def votes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recorded") / "votes.jsonl"
    asyncio.run(PartRecorder(OpinionatedEngine(), MemoryEvidence(), RecordingFile(file)).record_all(parts(COUNT)))
    return file


def planned(votes: Path, line: str = "pcb", count: int = COUNT) -> LadderPlan:
    source = PartSource("eighty parts", count, iter(parts(count)), MemoryEvidence())
    return plan_recorded(source, votes, line, RiskLimits(escape=0.2))


def test_recorded_answers_are_enough_for_a_plan(votes: Path) -> None:
    result = planned(votes)
    assert (result.advice.ok, result.advice.ng) == (MIN_REVIEWED_PER_CLASS, MIN_REVIEWED_PER_CLASS)
    assert result.advice.chosen is not None
    assert result.pipeline == a_line()
    json.dumps(result.advice.as_json(), allow_nan=False)


def test_views_that_the_line_does_not_ask_are_among_the_recorded(votes: Path) -> None:
    cases = recorded_parts(iter(parts(4)), RecordingFile(votes).newest(), "pcb")
    seen = {vote.view for part in separate_votes(cases) for vote in part.votes}
    assert {ViewName.OPTIONS, ViewName.REFUTE, ViewName.DIRECT, ViewName.ZOOM} <= seen
    assert ViewName.COMPARE not in seen, "there are no golden samples"
    assert all(vote.ms >= 0.0 for part in separate_votes(cases) for vote in part.votes)


def test_a_plan_needs_recorded_answers(votes: Path, tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match="no answers about these parts of casting are recorded"):
        planned(votes, line="casting")
    with pytest.raises(InspectorError, match=r"none\.jsonl does not exist; record answers first"):
        planned(tmp_path / "none.jsonl")
    with pytest.raises(InspectorError, match=f"{MIN_REVIEWED_PER_CLASS} of each are needed"):
        planned(votes, count=10)


def test_simulated_voters_are_shown_and_plotted(tmp_path: Path) -> None:
    result = simulate(parts=1000, seed=1)
    write_report(simulation_report(result), tmp_path / "sim")
    assert (tmp_path / "sim" / "simulation.png").stat().st_size > 1000
    json.dumps([each.as_json() for each in result], allow_nan=False)
    assert simulation_table(result).row_count == len({stored.rule for stored in result})


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InspectorError, match="name another folder with --out"):
        write_report({"page.md": "text"}, tmp_path / "file")
