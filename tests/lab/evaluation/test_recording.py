"""The question set, recordings and their file, and the cost of a replay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.declarations import a_pipeline, pipelines

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.ladder import question_groups
from inspector.domain.pipeline import Pipeline, TokenLimits
from inspector.domain.prompts import Pictures, Question
from inspector.errors import InspectorError
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.question_set import SAMPLES, question_set, sampled_rung
from inspector.lab.evaluation.recording import (
    AnswerBatch,
    NamedSuspect,
    PictureEncoding,
    RecordedAnswer,
    Recording,
    answer_identity,
    question_identity,
)
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.ports.engine import GeneratedText

NOTHING = GeneratedText("", 0)


def a_recording(*batches: AnswerBatch, name: str = "p-1", sha256: str = "ab", fingerprint: str = "0" * 16) -> Recording:
    looks = (PictureEncoding(Pictures.FRAME, 30.0),)
    return Recording(name, sha256, "1" * 16, (), fingerprint, 7, looks, NamedSuspect(NOTHING, 20.0), batches)


def a_batch(ms: float, count: int = 1, reasoning: Reasoning = Reasoning.NONE) -> AnswerBatch:
    answers = tuple(
        RecordedAnswer(ViewName.PARAPHRASE, k, f"Question {k}?", 0.5, 0, ms, reasoning=reasoning, seed=k)
        for k in range(count)
    )
    return AnswerBatch(Pictures.FRAME, ms, answers)


@given(pipelines(), st.integers(0, 2**32 - 1))
def test_the_menu_holds_every_batch_of_the_ladder_as_the_service_asks_it(pipeline: Pipeline, seed: int) -> None:
    asked = question_set(pipeline, seed)
    groups = [group for rung in pipeline.ladder for group in question_groups(pipeline, rung, seed)]
    assert all(group in asked for group in groups if group.pictures not in (Pictures.SIMILAR, Pictures.CLAIM))


@given(pipelines(), st.integers(0, 2**32 - 1))
def test_the_menu_holds_every_view_that_can_be_seen(pipeline: Pipeline, seed: int) -> None:
    views = {question.view for each in question_set(pipeline, seed) for question in each.questions}
    assert views >= set(ViewName) - {ViewName.COMPARE, ViewName.SIMILAR, ViewName.SEPARATE}


def test_drafts_are_asked_nine_at_once_and_one_alone() -> None:
    drafted = [each for each in question_set(a_pipeline(), 1) if each.questions[0].reasoning is Reasoning.DRAFT]
    assert sorted(len(each.questions) for each in drafted) == [1, SAMPLES]


def test_drafts_have_the_temperature_of_the_ladders_drafts() -> None:
    ladder = [{"views": ["direct"]}, {"views": ["inverted"], "reasoning": "draft", "temperature": 0.4}]
    assert sampled_rung(a_pipeline(ladder=ladder)).temperature == 0.4


def test_an_answer_read_at_once_is_the_same_under_any_seed() -> None:
    assert question_identity(Question(ViewName.DIRECT, "Is it?", seed=1)) == question_identity(
        Question(ViewName.DIRECT, "Is it?", seed=2)
    )


def test_drafts_of_other_seeds_are_other_answers_unless_greedy() -> None:
    one, other = (
        Question(ViewName.DIRECT, "Is it?", reasoning=Reasoning.DRAFT, temperature=0.8, seed=seed, max_tokens=24)
        for seed in (1, 2)
    )
    assert question_identity(one) != question_identity(other)
    recorded_answer = RecordedAnswer(
        ViewName.DIRECT, 0, "Is it?", 0.5, 3, 1.0, reasoning=Reasoning.DRAFT, temperature=0.8, seed=2
    )
    assert answer_identity(recorded_answer) == question_identity(other), (
        "a recording that tells no limits was written within those of its kind"
    )


def test_thoughts_within_other_limits_are_other_answers() -> None:
    one = Question(ViewName.DIRECT, "Is it?", reasoning=Reasoning.BUDGET, max_tokens=64, min_tokens=8)
    others = [replace(one, max_tokens=65), replace(one, min_tokens=9), replace(one, reasoning=Reasoning.COT)]
    assert all(question_identity(other) != question_identity(one) for other in others)
    recorded_answer = RecordedAnswer(
        ViewName.DIRECT, 0, "Is it?", 0.5, 9, 1.0, reasoning=Reasoning.BUDGET, limits=TokenLimits(8, 64)
    )
    assert answer_identity(recorded_answer) == question_identity(one)


# ---------------------------------------------------------------- batch times


def test_a_batch_that_was_not_measured_is_priced_between_those_that_were() -> None:
    batch_times = BatchTimeModel(
        [a_recording(a_batch(10.0, 1), a_batch(18.0, 9)), a_recording(a_batch(12.0, 1), a_batch(20.0, 9))]
    )
    asked = [Question(ViewName.PARAPHRASE, f"Another {k}?") for k in range(5)]
    assert batch_times.ms(Pictures.FRAME, asked) == pytest.approx(15.0)


def test_asking_more_is_never_cheaper() -> None:
    batch_times = BatchTimeModel([a_recording(a_batch(30.0, 1), a_batch(10.0, 9))])
    one, many = ([Question(ViewName.PARAPHRASE, f"Another {k}?") for k in range(count)] for count in (1, 9))
    assert batch_times.ms(Pictures.FRAME, one) <= batch_times.ms(Pictures.FRAME, many)


def test_drafts_have_a_price_of_their_own() -> None:
    batch_times = BatchTimeModel([a_recording(a_batch(10.0), a_batch(90.0, 1, Reasoning.DRAFT))])
    draft = Question(ViewName.DIRECT, "Is it?", reasoning=Reasoning.DRAFT, max_tokens=24)
    assert batch_times.ms(Pictures.FRAME, [draft]) == pytest.approx(90.0)


def test_the_price_of_a_batch_is_that_of_its_longest_thought() -> None:
    batch_times = BatchTimeModel([a_recording(a_batch(90.0, 2, Reasoning.DRAFT), a_batch(900.0, 2, Reasoning.COT))])
    thoughts = [Question(ViewName.DIRECT, "Is it?", reasoning=Reasoning.COT, max_tokens=256)]
    drafts = [Question(ViewName.DIRECT, "Is it?", reasoning=Reasoning.DRAFT, max_tokens=24)]
    assert batch_times.ms(Pictures.FRAME, drafts) == pytest.approx(90.0)
    assert batch_times.ms(Pictures.FRAME, [*drafts, *thoughts]) == pytest.approx(900.0)


# ---------------------------------------------------------------- the file


def test_recordings_are_found_by_picture_and_fingerprint(tmp_path: Path) -> None:
    path, recording = tmp_path / "votes" / "pcb.jsonl", a_recording(a_batch(10.0, 3))
    RecordingFile(path).add(recording)
    again = RecordingFile(path)
    assert again.find("ab", "0" * 16) == recording
    assert again.find("ab", "f" * 16) is None
    assert again.find("cd", "0" * 16) is None


def test_a_tape_keeps_limits_and_how_right_an_answer_is_held_to_be(tmp_path: Path) -> None:
    path = tmp_path / "pcb.jsonl"
    recorded_answer = replace(a_batch(1.0).answers[0], limits=TokenLimits(8, 64), p_true=0.75)
    RecordingFile(path).add(recording := a_recording(AnswerBatch(Pictures.FRAME, 1.0, (recorded_answer,))))
    assert RecordingFile(path).find("ab", "0" * 16) == recording


def test_an_unfinished_last_row_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "pcb.jsonl"
    RecordingFile(path).add(a_recording())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    RecordingFile(path).add(a_recording(sha256="cd"))
    assert RecordingFile(path).find("ab", "0" * 16) is not None
    assert RecordingFile(path).find("cd", "0" * 16) is not None
    assert path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("row", [b"{}\n", b"not json\n", b'{"name": "p-1"}\n'])
def test_a_file_of_something_else_is_refused_with_its_row(tmp_path: Path, row: bytes) -> None:
    path = tmp_path / "pcb.jsonl"
    RecordingFile(path).add(a_recording())
    path.write_bytes(path.read_bytes() + row)
    with pytest.raises(InspectorError, match=r"row 2 .*--votes"):
        RecordingFile(path)


def test_a_folder_is_no_file_of_votes(tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match="--votes"):
        RecordingFile(tmp_path)
