"""Compare strategies on recorded answers, from labelled parts to the report."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.declarations import pipelines
from support.evaluated_parts import BROKEN, LADDER, OpinionatedEngine, a_line, parts
from support.fakes import MemoryEvidence
from support.line_fakes import ScriptedEngine

from inspector.domain.declared import ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Pictures, Question
from inspector.errors import InspectorError, ModelError
from inspector.judging.judge import Judge
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.comparison import StrategyComparison, compare_recorded
from inspector.lab.evaluation.comparison_report import comparison_report
from inspector.lab.evaluation.part_recorder import LabelledPart, PartRecorder, RecordedPart, RecordedParts
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.recording_replay import RecordingReplay
from inspector.lab.evaluation.strategies import STRATEGIES, StrategyOutcome, choose_strategies
from inspector.lab.report_files import write_report
from inspector.ports.pool import Job, Judgement

CHARTS = {"pareto.png", "risk_coverage.png", "reliability.png", "rungs.png"}


@pytest.fixture
def recordings(tmp_path: Path) -> RecordingFile:
    return RecordingFile(tmp_path / "votes.jsonl")


def record(asked: list[LabelledPart], recordings: RecordingFile, engine: ScriptedEngine | None = None) -> RecordedParts:
    return asyncio.run(PartRecorder(engine or OpinionatedEngine(), MemoryEvidence(), recordings).record_all(asked))


def play(name: str, case: RecordedPart) -> StrategyOutcome:
    async def played() -> StrategyOutcome:
        return await STRATEGIES[name](case, BatchTimeModel([case.recording]))

    return asyncio.run(played())


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> StrategyComparison:
    recorded = record(parts(80), RecordingFile(tmp_path_factory.mktemp("votes") / "votes.jsonl"))
    return asyncio.run(compare_recorded("eighty parts", recorded.parts, choose_strategies([])))


# ---------------------------------------------------------------- recording


def test_every_part_is_asked_once_and_never_again(recordings: RecordingFile) -> None:
    engine = OpinionatedEngine()
    first = record(parts(4), recordings, engine)
    asked = len(engine.asked)
    again = record(parts(4), RecordingFile(recordings.path), engine)
    assert len(engine.asked) == asked
    assert again.parts == first.parts


def test_a_run_that_was_stopped_goes_on_where_it_was(recordings: RecordingFile) -> None:
    def stopped() -> Iterator[LabelledPart]:
        yield from parts(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(PartRecorder(OpinionatedEngine(), MemoryEvidence(), recordings).record_all(stopped()))
    engine = OpinionatedEngine()
    assert len(record(parts(3), RecordingFile(recordings.path), engine).parts) == 3
    assert {prefix.pictures[-1].data for prefix in engine.opened} == {parts(3)[2].picture}


def test_another_wording_or_another_model_is_asked_anew(recordings: RecordingFile) -> None:
    record(parts(1), recordings)
    engine = OpinionatedEngine()
    record(parts(1, a_line(question="Is this board broken?")), recordings, engine)
    asked = len(engine.asked)
    engine.fingerprint = "f" * 16
    record(parts(1), recordings, engine)
    assert 0 < asked < len(engine.asked)


def test_a_picture_that_can_not_be_read_is_named_and_the_others_are_judged(recordings: RecordingFile) -> None:
    broken = LabelledPart("bad.jpg", a_line(), BROKEN, True)
    recorded = record([*parts(2), broken], recordings)
    assert len(recorded.parts) == 2
    (reason,) = recorded.unreadable
    assert reason.startswith("bad.jpg: ")


def test_nothing_stays_open_when_an_engine_fails(recordings: RecordingFile) -> None:
    engine = OpinionatedEngine()
    engine.voter = lambda question: 1 / 0 if question.view is ViewName.INVERTED else 0.5
    with pytest.raises(ZeroDivisionError):
        record(parts(1), recordings, engine)
    assert engine.closed == engine.opened


def test_a_part_without_a_suspect_region_has_no_zoom(recordings: RecordingFile) -> None:
    (case,) = record(parts(1), recordings, OpinionatedEngine(text="nowhere")).parts
    assert all(batch.pictures is not Pictures.ZOOM for batch in case.recording.batches)
    assert all(vote.view is not ViewName.ZOOM for vote in play("ladder", case).tally.votes)


# ---------------------------------------------------------------- replaying


@settings(max_examples=25, deadline=None)
@given(pipelines(), st.booleans())
def test_the_default_strategy_does_what_the_service_does(pipeline: Pipeline, is_ng: bool) -> None:
    """Same votes and same end: the replay uses the service's judge without a deadline."""
    part = parts(2, pipeline)[is_ng]
    case = recorded(part)
    judged = asyncio.run(service(case, part.picture))
    outcome = play("default", case)
    assert [(vote.view, vote.rung, vote.p_ng, vote.tokens) for vote in outcome.tally.votes] == [
        (vote.view, vote.rung, vote.p_ng, vote.tokens) for vote in judged.votes
    ]
    assert (outcome.stopped_by, outcome.rungs) == (judged.stopped_by, judged.rungs)


@settings(max_examples=25, deadline=None)
@given(pipelines())
@example(a_line(ladder=[{"views": ["similar"]}]))
@example(a_line(ladder=[{"views": ["similar", "direct"], "samples": 12, "reasoning": "draft", "temperature": 0.8}]))
def test_every_strategy_can_be_played_on_any_declared_line(pipeline: Pipeline) -> None:
    """A recording has no view similar: a ladder of nothing else asks nothing there."""
    case = recorded(parts(1, pipeline)[0])
    asks_nothing = {view for rung in pipeline.ladder for view in rung.views} <= {ViewName.SIMILAR, ViewName.SEPARATE}
    silent = {name for name in STRATEGIES if play(name, case).cost.votes == 0}
    assert silent == ({"default", "ladder"} if asks_nothing else set())


def recorded(part: LabelledPart) -> RecordedPart:
    with TemporaryDirectory() as folder:
        return record([part], RecordingFile(Path(folder) / "votes.jsonl")).parts[0]


async def service(case: RecordedPart, picture: bytes) -> Judgement:
    key = FrameKey(case.pipeline.line, "cam1", "t-1")
    job = Job(key, picture, case.pipeline, case.recording.golden, 60_000.0, case.recording.seed)
    outcomes = [each async for each in Judge(OpinionatedEngine(), MemoryEvidence()).judge(job)]
    assert isinstance(outcomes[0], Judgement)
    return outcomes[0]


@pytest.mark.parametrize(
    ("name", "votes", "why"),
    [
        ("direct", 1, "one question"),
        ("draft", 1, "one draft"),
        ("majority-3", 3, "three drafts"),
        ("fixed-9", 9, "nine drafts"),
        ("ladder", 7, "1, then 2 paraphrases and 2 inverted, then zoom and one checklist"),
    ],
)
def test_the_cost_includes_everything_asked(recordings: RecordingFile, name: str, votes: int, why: str) -> None:
    (case,) = record(parts(1), recordings).parts
    assert play(name, case).cost.votes == votes, why


def test_a_batch_is_paid_once_and_so_are_pictures(recordings: RecordingFile) -> None:
    (case,) = record(parts(1), recordings).parts
    looks = {look.pictures: look.ms for look in case.recording.encodings}
    (nine,) = (batch for batch in case.recording.batches if len(batch.answers) == 9)
    assert play("fixed-9", case).cost.ms == pytest.approx(looks[Pictures.FRAME] + nine.ms)
    assert play("fixed-9", case).cost.tokens == sum(recorded_answer.tokens for recorded_answer in nine.answers)


def test_rules_that_stop_early_ask_fewer_and_see_the_same_answers(comparison: StrategyComparison) -> None:
    nine = comparison.figures["fixed-9"]
    for name in ("adaptive-consistency", "esc", "sprt"):
        assert comparison.figures[name].votes_mean < nine.votes_mean
        assert comparison.figures[name].tokens_mean < nine.tokens_mean


def test_a_question_that_was_never_asked_is_an_error_not_a_guess(recordings: RecordingFile) -> None:
    (case,) = record(parts(1), recordings).parts
    replay = RecordingReplay(case.recording, BatchTimeModel([case.recording]))
    with pytest.raises(ModelError, match="Is it Tuesday"):
        replay.ask(Pictures.FRAME, (Question(ViewName.DIRECT, "Is it Tuesday?"),))


# ---------------------------------------------------------------- comparing


def test_every_strategy_gets_its_figures_on_the_same_parts(comparison: StrategyComparison) -> None:
    document = comparison.as_json()
    assert set(document["strategies"]) == set(STRATEGIES)
    for result in document["strategies"].values():
        wanted = {"balanced_accuracy", "auroc", "votes_mean", "tokens_mean", "ms_mean", "first_rung_share"}
        assert wanted <= set(result)
    assert document["parts"] == {"ok": 40, "ng": 40, "unreadable": []}
    json.dumps(document, allow_nan=False)


def test_new_information_shows_as_a_gain_whose_interval_excludes_nothing_gained(comparison: StrategyComparison) -> None:
    gained = comparison.contrasts["ladder"]["direct"].minus["auroc"]
    assert 0.0 < gained.low < gained.value < gained.high


def test_rungs_report_rescued_and_harmed_parts(comparison: StrategyComparison) -> None:
    every = comparison.rungs["ladder"]
    assert [change.rung for change in every] == [1, 2]
    assert all(change.parts == 80 for change in every)
    assert sum(change.rescued for change in every) > sum(change.harmed for change in every)


def test_the_default_is_always_played(recordings: RecordingFile) -> None:
    recorded = record(parts(20), recordings)
    result = asyncio.run(compare_recorded("parts", recorded.parts, choose_strategies(["direct"])))
    assert set(result.figures) == {"default", "direct"}
    assert set(result.contrasts) == {"default"}


def test_a_strategy_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(InspectorError, match=r"majority-4.*majority-3"):
        choose_strategies(["majority-4"])


def test_parts_of_one_class_are_refused(recordings: RecordingFile) -> None:
    recorded = record(parts(8)[::2], recordings)
    with pytest.raises(InspectorError, match="0 NG and 4 OK"):
        asyncio.run(compare_recorded("good ones", recorded.parts, choose_strategies(["direct"])))


def test_one_rung_ladders_have_no_rungs_to_compare(recordings: RecordingFile, tmp_path: Path) -> None:
    recorded = record(parts(12, a_line(ladder=LADDER[:1])), recordings)
    result = asyncio.run(compare_recorded("one rung", recorded.parts, choose_strategies(["ladder"])))
    assert result.rungs["ladder"] == []
    assert {path.name for path in write_report(comparison_report(result), tmp_path / "report")} > CHARTS


def test_the_report_holds_tables_document_and_charts(comparison: StrategyComparison, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    names = {path.name for path in write_report(comparison_report(comparison), folder)}
    assert names == {path.name for path in folder.iterdir()} == {"report.md", "report.json", *CHARTS}
    assert json.loads((folder / "report.json").read_text()) == comparison.as_json()
    page = (folder / "report.md").read_text()
    assert all(f"| {name} |" in page for name in STRATEGIES)
    assert all(f"]({name})" in page for name in CHARTS)


def test_a_report_that_can_not_be_written_names_the_option(comparison: StrategyComparison, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InspectorError, match="--out"):
        write_report(comparison_report(comparison), tmp_path / "taken")
