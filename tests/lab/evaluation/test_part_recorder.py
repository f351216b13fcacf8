"""Answers recorded from a real engine."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import tiny_model
from support.fakes import MemoryEvidence

from inspector.domain.ladder import QuestionGroup
from inspector.domain.log_odds import logit
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Pictures
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.part_recorder import LabelledPart, PartRecorder, RecordedPart
from inspector.lab.evaluation.question_set import SAMPLES, question_set
from inspector.lab.evaluation.recording import AnswerBatch
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.recording_replay import RecordingReplay
from inspector.lab.evaluation.strategies import STRATEGIES, StrategyOutcome

LAMP = Pipeline.model_validate(
    {
        "line": "lamp",
        "cameras": ["*"],
        "product": "lamp",
        "question": "Is there any defect on this lamp?",
        "defects": {"glare": "major"},
        "ladder": [{"views": ["direct"]}, {"views": ["paraphrase", "inverted"], "samples": 2}],
    }
)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[RecordedPart]:
    recordings = RecordingFile(tmp_path_factory.mktemp("votes") / "lamp.jsonl")
    parts = [LabelledPart(f"{b}", LAMP, tiny_model.lamp(b).data, b > 0.5) for b in (0.05, 0.95)]
    return asyncio.run(PartRecorder(tiny_model.engine(), MemoryEvidence(), recordings).record_all(parts)).parts


def on_frame(case: RecordedPart) -> Iterator[tuple[AnswerBatch, QuestionGroup]]:
    """Recorded answers about the whole picture, with the questions asked: this model names no region."""
    asked = (each for each in question_set(LAMP, case.recording.seed) if each.pictures is Pictures.FRAME)
    return zip((batch for batch in case.recording.batches if batch.pictures is Pictures.FRAME), asked, strict=True)


def test_every_question_of_the_menu_is_answered_and_timed(cases: list[RecordedPart]) -> None:
    for case in cases:
        assert all(len(batch.answers) == len(each.questions) for batch, each in on_frame(case))
        assert all(
            0.0 < recorded_answer.ms <= batch.ms
            for batch in case.recording.batches
            for recorded_answer in batch.answers
        )


def test_the_direct_question_separates_dark_from_bright(cases: list[RecordedPart]) -> None:
    scores = [asyncio.run(_direct(case)) for case in cases]
    assert scores[0] < 0.5 < scores[1]


async def _direct(case: RecordedPart) -> float:
    outcome = await STRATEGIES["direct"](case, BatchTimeModel([case.recording]))
    assert outcome.tally.score is not None
    return outcome.tally.score


def test_drafts_differ_and_nine_at_once_cost_less_than_nine(cases: list[RecordedPart]) -> None:
    for case in cases:
        (nine,) = (batch for batch in case.recording.batches if len(batch.answers) == SAMPLES)
        (one,) = (batch for batch in case.recording.batches if batch.answers[0].tokens and len(batch.answers) == 1)
        assert len({recorded_answer.text for recorded_answer in nine.answers}) > 1
        assert nine.ms < SAMPLES * one.ms


def test_the_replay_gives_the_engines_answers(cases: list[RecordedPart]) -> None:
    for case in cases:
        replay = RecordingReplay(case.recording, BatchTimeModel([case.recording]))
        for batch, each in on_frame(case):
            answers = replay.ask(each.pictures, each.questions)
            assert [answer.p_ng for answer in answers] == [recorded_answer.p_ng for recorded_answer in batch.answers]


def test_a_line_that_thinks_and_weighs_is_played_as_it_was_recorded(tmp_path: Path) -> None:
    thought = {"views": ["paraphrase"], "samples": 2, "reasoning": "budget", "min_tokens": 8, "max_tokens": 24}
    settings = {"ladder": [{"views": ["direct"]}, thought], "count": "weighted", "settle": {"weight_by": "p_true"}}
    line = Pipeline.model_validate(LAMP.model_dump(exclude={"ladder"}) | settings)
    (case,) = asyncio.run(
        PartRecorder(tiny_model.engine(), MemoryEvidence(), RecordingFile(tmp_path / "lamp.jsonl")).record_all(
            [LabelledPart("bright", line, tiny_model.lamp(0.95).data, True)]
        )
    ).parts
    outcome = asyncio.run(_played(case))
    assert [vote.rung for vote in outcome.tally.votes] == [0, 1, 1]
    assert all(vote.tokens > 8 for vote in outcome.tally.votes[1:])
    sure = [logit(vote.p_true) for vote in outcome.tally.votes if vote.p_true is not None]
    assert outcome.tally.counting.weights(outcome.tally.votes) == pytest.approx(
        [math.exp((each - max(sure)) / line.settle.weight_temperature) for each in sure]
    )


async def _played(case: RecordedPart) -> StrategyOutcome:
    return await STRATEGIES["ladder"](case, BatchTimeModel([case.recording]))
