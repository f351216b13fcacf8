"""What separates an NG answer's claim from a good part: on a tiny checkpoint, and on scripted claims."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support import tiny_model
from support.evaluated_parts import OpinionatedEngine, a_line, parts
from support.fakes import MemoryEvidence

from inspector.domain.declared import ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.vote import StoppedBy
from inspector.errors import ModelError
from inspector.judging.judge import Judge
from inspector.judging.report_writer import REPORT_START
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.comparison import StrategyComparison, compare_recorded
from inspector.lab.evaluation.comparison_report import comparison_report
from inspector.lab.evaluation.part_recorder import LabelledPart, PartRecorder, RecordedPart
from inspector.lab.evaluation.recording import AnswerBatch, RecordedAnswer, Recording
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.strategies import STRATEGIES, WITH_CLAIMS, StrategyOutcome, choose_strategies
from inspector.ports.engine import Engine
from inspector.ports.pool import Job, Judgement

LINE = a_line(ladder=[{"views": ["direct"]}])
WITH_GOLDEN = a_line(ladder=[{"views": ["direct"]}], golden_samples=["a"])
DEFECT = next(iter(LINE.defects))
EVERY = {**STRATEGIES, **WITH_CLAIMS}


class ClaimingEngine(OpinionatedEngine):
    """An engine that claims a defect in a region, or none."""

    def __init__(self, claim: str = f'{DEFECT}", "severity": "major", "bbox_2d": [100, 200, 300, 400]}}') -> None:
        super().__init__()
        self.writer = lambda _, start: start + (claim if start == REPORT_START else "100, 200, 300, 400]}")


def record(
    engine: Engine, asked: Sequence[LabelledPart], path: Path, evidence: MemoryEvidence | None = None
) -> list[RecordedPart]:
    shelf = evidence or MemoryEvidence()
    recorder = PartRecorder(engine, shelf, RecordingFile(path), separates=True)
    return asyncio.run(recorder.record_all(asked)).parts


def play(name: str, case: RecordedPart) -> StrategyOutcome:
    async def played() -> StrategyOutcome:
        return await EVERY[name](case, BatchTimeModel([case.recording]))

    return asyncio.run(played())


def with_golden() -> tuple[MemoryEvidence, str]:
    evidence = MemoryEvidence()
    return evidence, evidence.put(b"a good one", "image/jpeg").sha256


def drafted(case: RecordedPart, *p_ng: float) -> RecordedPart:
    """The same part with these answers of its first drafts."""

    def told(each: RecordedAnswer) -> RecordedAnswer:
        return replace(each, p_ng=p_ng[each.sample]) if each.sample < len(p_ng) else each

    def changed(batch: AnswerBatch) -> AnswerBatch:
        return replace(batch, answers=tuple(map(told, batch.answers))) if len(batch.answers) == 9 else batch

    recording = replace(case.recording, batches=tuple(map(changed, case.recording.batches)))
    return case._replace(recording=recording)


def separated(case: RecordedPart, p_ng: float) -> RecordedPart:
    """The same part with these answers about the claim."""
    assert case.recording.separation is not None
    orders = tuple(
        replace(batch, answers=tuple(replace(each, p_ng=p_ng) for each in batch.answers))
        for batch in case.recording.separation.orders
    )
    separation = replace(case.recording.separation, orders=orders)
    return case._replace(recording=replace(case.recording, separation=separation))


# ---------------------------------------------------------------- recording


def test_the_claimed_region_is_shown_next_to_a_golden_samples_in_both_orders(tmp_path: Path) -> None:
    evidence, golden = with_golden()
    engine = ClaimingEngine()
    asked = [replace(parts(1, WITH_GOLDEN)[0], golden=(golden,))]
    (case,) = record(engine, asked, tmp_path / "v.jsonl", evidence)
    first, second = engine.opened[-2:]
    frame = asked[0].picture
    assert [picture.data for picture in first.pictures] == [b"a good one", frame]
    assert [picture.data for picture in second.pictures] == [frame, b"a good one"]
    assert len({picture.crop for prefix in (first, second) for picture in prefix.pictures}) == 1
    assert "The first one shows a good one" in first.preamble
    assert "The second one shows a good one" in second.preamble
    assert case.recording.separation is not None
    texts = [answer.question for batch in case.recording.separation.orders for answer in batch.answers]
    assert len(set(texts)) == 4
    assert len(engine.closed) == len(engine.opened)


def test_without_golden_samples_the_claim_is_asked_about_its_region_alone(tmp_path: Path) -> None:
    engine = ClaimingEngine()
    (case,) = record(engine, parts(1, LINE), tmp_path / "v.jsonl")
    assert case.recording.separation is not None
    (batch,) = case.recording.separation.orders
    assert [answer.view for answer in batch.answers] == [ViewName.SEPARATE]
    assert len(engine.opened[-1].pictures) == 1


@pytest.mark.parametrize("claim", ["none", f'{DEFECT}", "severity": "major", "bbox_2d": [5, 5, 5, 5]}}', "\u0000"])
def test_a_claim_without_a_region_separates_nothing(claim: str, tmp_path: Path) -> None:
    (case,) = record(ClaimingEngine(claim), parts(1, LINE), tmp_path / "v.jsonl")
    assert case.recording.separation is not None
    assert case.recording.separation.orders == ()
    split = drafted(case, 0.9, 0.9, 0.1)
    assert play("separate", split).tally.score == play("majority-3", split).tally.score


def test_a_part_that_was_recorded_without_is_completed_once(tmp_path: Path) -> None:
    recorder = PartRecorder(ClaimingEngine(), MemoryEvidence(), RecordingFile(tmp_path / "v.jsonl"))
    asyncio.run(recorder.record_all(parts(1, LINE)))
    engine = ClaimingEngine()
    (case,) = record(engine, parts(1, LINE), tmp_path / "v.jsonl")
    assert {question.view for question in engine.asked} == {ViewName.SEPARATE}
    again = ClaimingEngine()
    assert record(again, parts(1, LINE), tmp_path / "v.jsonl") == [case]
    assert again.opened == []


def test_a_real_engine_answers_about_its_own_claim(tmp_path: Path) -> None:
    """Random words claim nothing that can be read, or a region that is then asked about."""
    lamp = LabelledPart("lamp", LINE, tiny_model.lamp(0.55).data, True)
    (case,) = record(tiny_model.engine(), [lamp], tmp_path / "v.jsonl")
    assert case.recording.separation is not None
    assert case.recording.separation.claim.text.startswith(REPORT_START)
    for batch in case.recording.separation.orders:
        assert all(answer.p_ng is not None for answer in batch.answers)


async def test_a_ladder_that_separates_is_replayed_as_the_service_judges_it(tmp_path: Path) -> None:
    """The votes disagree about some of these parts, and agree about others."""
    evidence, golden = with_golden()
    ladder = [{"views": ["direct", "inverted"]}, {"views": ["separate"]}]
    asked = parts(8, a_line(ladder=ladder, golden_samples=["a"]), (golden,))
    recorder = PartRecorder(ClaimingEngine(), evidence, RecordingFile(tmp_path / "v.jsonl"))
    cases, separated_parts = (await recorder.record_all(asked)).parts, 0
    for part, case in zip(asked, cases, strict=True):
        key = FrameKey(part.pipeline.line, "cam1", "t-1")
        job = Job(key, part.picture, part.pipeline, part.golden, 60_000.0, case.recording.seed)
        judged, *_ = [each async for each in Judge(ClaimingEngine(), evidence).judge(job)]
        assert isinstance(judged, Judgement)
        votes = [(vote.view, vote.rung, vote.p_ng, vote.tokens) for vote in judged.votes]
        batch_times = BatchTimeModel([case.recording])
        outcomes = [await EVERY[name](case, batch_times) for name in ("default", "ladder")]
        replayed = [[(vote.view, vote.rung, vote.p_ng, vote.tokens) for vote in each.tally.votes] for each in outcomes]
        assert (outcomes[0].rungs, outcomes[0].stopped_by) == (judged.rungs, judged.stopped_by)
        assert replayed[0] == votes == replayed[1][: len(votes)]
        separated_parts += votes[-1][0] is ViewName.SEPARATE
    assert 0 < separated_parts < len(asked)


# ---------------------------------------------------------------- deciding


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> RecordedPart:
    return record(ClaimingEngine(), parts(2, LINE)[1:], tmp_path_factory.mktemp("v") / "v.jsonl")[0]


@pytest.mark.parametrize(("p_ng", "is_ng"), [(0.02, False), (0.98, True)])
def test_the_outcome_decides_a_disagreement(case: RecordedPart, p_ng: float, is_ng: bool) -> None:
    outcome = play("separate", separated(drafted(case, 0.9, 0.9, 0.1), p_ng))
    assert outcome.tally.score is not None
    assert (outcome.tally.score > 0.5) is is_ng
    assert (outcome.cost.votes, outcome.rungs, outcome.stopped_by) == (4, 2, StoppedBy.LADDER_END)


def test_drafts_that_agree_are_not_separated(case: RecordedPart) -> None:
    agreed = drafted(case, 0.9, 0.8, 0.7)
    separate, majority = play("separate", separated(agreed, 0.01)), play("majority-3", agreed)
    assert separate.tally == majority.tally
    assert separate.cost == majority.cost


def test_a_part_that_was_never_separated_is_an_error(case: RecordedPart) -> None:
    split = drafted(case, 0.9, 0.9, 0.1)
    never = split._replace(recording=replace(split.recording, separation=None))
    with pytest.raises(ModelError, match="record the parts again for separate"):
        play("separate", never)


def test_the_report_counts_what_was_decided_right(tmp_path: Path) -> None:
    cases = [
        separated(drafted(each, 0.9, 0.9, 0.1), 0.9 if each.is_ng else 0.1)
        for each in record(ClaimingEngine(), parts(20, LINE), tmp_path / "v.jsonl")
    ]
    comparison = compared(cases, "majority-3", "majority-3-zoom", "separate")
    by_name = {each.strategy: each for each in comparison.disagreements}
    assert (by_name["majority-3"].right.value, by_name["majority-3"].votes_added) == (0.5, 0.0)
    assert (by_name["separate"].right.value, by_name["separate"].votes_added) == (1.0, 1.0)
    assert "## Disagreements of three drafts" in str(comparison_report(comparison)["report.md"])
    assert len(comparison.as_json()["disagreements"]) == 3


def compared(cases: Sequence[RecordedPart], *names: str) -> StrategyComparison:
    return asyncio.run(compare_recorded("twenty parts", cases, choose_strategies(names)))


def test_a_recording_keeps_its_separation_on_disk(case: RecordedPart, tmp_path: Path) -> None:
    file = RecordingFile(tmp_path / "kept.jsonl")
    file.add(case.recording)
    again: Recording | None = RecordingFile(file.path).find(*case.recording.key)
    assert again == case.recording
