"""The search among thoughts, on a tiny checkpoint of the real architecture and on scripted thoughts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support import tiny_model
from support.evaluated_parts import OpinionatedEngine, a_line, parts
from support.fakes import MemoryEvidence

from inspector.domain.declared import Reasoning
from inspector.domain.prompts import VERDICT_CUE, Question
from inspector.errors import ModelError
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.part_recorder import LabelledPart, PartRecorder, RecordedPart
from inspector.lab.evaluation.recording import Recording
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.strategies import BEAM, WITH_THOUGHTS, StrategyOutcome
from inspector.lab.evaluation.thought_beam import BEAMS, MAX_STEPS, ROWS, beam_questions, longer_begin
from inspector.ports.engine import Answer, Engine, Prefix

LINE = a_line(ladder=[{"views": ["direct"]}])


class SentenceEngine(OpinionatedEngine):
    """Goes on with one of three sentences by the seed, up to `sentences`, and trusts "Right." most, which is NG."""

    def __init__(self, sentences: int) -> None:
        super().__init__()
        self._sentences = sentences
        self.begins: list[list[str]] = []

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        if questions[0].asks_p_true:
            self.begins.append([question.begin for question in questions])
        async for answer in super().ask(prefix, questions):
            question = questions[answer.index]
            if not question.asks_p_true:
                yield answer
                continue
            word = ("Right. ", "Wrong. ", "Odd. ")[question.seed % 3]
            left = self._sentences - question.begin.count(".")
            text = question.begin + word * left + VERDICT_CUE
            is_right = word == "Right. "
            p_ng, p_true = (0.9, 0.8) if is_right else (0.1, 0.3)
            yield replace(answer, p_ng=p_ng, text=text, p_true=p_true, tokens=3 * left)


def record(engine: Engine, asked: Sequence[LabelledPart], path: Path) -> list[RecordedPart]:
    recorder = PartRecorder(engine, MemoryEvidence(), RecordingFile(path), searches=True)
    return asyncio.run(recorder.record_all(asked)).parts


def play(case: RecordedPart) -> StrategyOutcome:
    async def played() -> StrategyOutcome:
        return await WITH_THOUGHTS[BEAM](case, BatchTimeModel([case.recording]))

    return asyncio.run(played())


def test_the_sentences_that_the_model_trusts_begin_the_next_step(tmp_path: Path) -> None:
    engine = SentenceEngine(sentences=9)
    (case,) = record(engine, parts(1, LINE), tmp_path / "v.jsonl")
    searched = engine.begins[-MAX_STEPS:]  # the first recording is made twice
    assert [len(step) for step in searched] == [ROWS] * MAX_STEPS
    assert set(searched[0]) == {""}
    assert searched[-1][0] == "Right." * (MAX_STEPS - 1)
    assert all(len(set(step)) <= BEAMS for step in searched)
    outcome = play(case)
    assert outcome.tally.score == pytest.approx(0.9)
    assert (outcome.rungs, outcome.cost.votes) == (MAX_STEPS, MAX_STEPS * ROWS)
    assert outcome.cost.tokens == sum(answer.tokens for step in case.recording.beam for answer in step.answers)


@pytest.mark.parametrize("sentences", [0, 1, 2])
def test_a_search_ends_with_the_most_trusted_thought(sentences: int, tmp_path: Path) -> None:
    (case,) = record(SentenceEngine(sentences), parts(1, LINE), tmp_path / "v.jsonl")
    assert len(case.recording.beam) == max(1, sentences)


def test_a_part_is_searched_once_and_its_steps_are_kept_on_disk(tmp_path: Path) -> None:
    (case,) = record(SentenceEngine(3), parts(1, LINE), tmp_path / "v.jsonl")
    again = SentenceEngine(3)
    assert record(again, parts(1, LINE), tmp_path / "v.jsonl") == [case]
    assert again.asked == []
    stored: Recording | None = RecordingFile(tmp_path / "v.jsonl").find(*case.recording.key)
    assert stored == case.recording


def test_a_part_without_a_search_is_an_error(tmp_path: Path) -> None:
    recorder = PartRecorder(OpinionatedEngine(), MemoryEvidence(), RecordingFile(tmp_path / "v.jsonl"))
    (case,) = asyncio.run(recorder.record_all(parts(1, LINE))).parts
    with pytest.raises(ModelError, match="record the parts again for beam"):
        play(case)


def test_a_real_engine_goes_on_from_the_chosen_sentences(tmp_path: Path) -> None:
    lamp = LabelledPart("lamp", LINE, tiny_model.lamp(0.55).data, True)
    (case,) = record(tiny_model.engine(), [lamp], tmp_path / "v.jsonl")
    steps = case.recording.beam
    assert 0 < len(steps) <= MAX_STEPS
    assert all(len(step.answers) == ROWS for step in steps)
    assert all(answer.reasoning is Reasoning.COT for step in steps for answer in step.answers)
    assert any(answer.p_true is not None for answer in steps[0].answers)
    assert play(case).tally.score is not None


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("One. Two. Verdict:", "One."),
        ("One. Verdict:", None),
        ("Verdict:", None),
        ("1.5 mm wide. Two. Verdict:", "1.5 mm wide."),
        ("Line\nnext Verdict:", "Line\n"),
    ],
)
def test_a_beginning_grows_by_one_sentence(text: str, begin: str | None) -> None:
    assert longer_begin(text, [""]) == begin


def test_rows_go_on_from_all_beginnings_with_seeds_of_their_own() -> None:
    asked = beam_questions(LINE, ["One.", "Two."], seed=5)
    assert [question.begin for question in asked] == ["One.", "Two."] * (ROWS // 2)
    assert len({question.seed for question in asked}) == ROWS
