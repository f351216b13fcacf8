"""What is asked for a tape, what a tape holds, and what it costs to play it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.declarations import a_pipeline, pipelines

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.ladder import rounds
from inspector.domain.pipeline import Limits, Pipeline
from inspector.domain.prompts import Pictures, Question
from inspector.errors import InspectorError
from inspector.lab.evaluation.menu import SAMPLES, menu, sampled
from inspector.lab.evaluation.prices import Prices
from inspector.lab.evaluation.tape import Batch, Look, Pointed, Said, Tape, answered, identity
from inspector.lab.evaluation.tape_file import TapeFile
from inspector.ports.engine import Text

NOTHING = Text("", 0)


def a_tape(*batches: Batch, name: str = "p-1", sha256: str = "ab", fingerprint: str = "0" * 16) -> Tape:
    looks = (Look(Pictures.FRAME, 30.0),)
    return Tape(name, sha256, "1" * 16, (), fingerprint, 7, looks, Pointed(NOTHING, 20.0), batches)


def a_batch(ms: float, count: int = 1, reasoning: Reasoning = Reasoning.NONE) -> Batch:
    said = tuple(
        Said(ViewName.PARAPHRASE, k, f"Question {k}?", 0.5, 0, ms, reasoning=reasoning, seed=k) for k in range(count)
    )
    return Batch(Pictures.FRAME, ms, said)


@given(pipelines(), st.integers(0, 2**32 - 1))
def test_the_menu_holds_every_batch_of_the_ladder_as_the_service_asks_it(pipeline: Pipeline, seed: int) -> None:
    asked = menu(pipeline, seed)
    assert all(each in asked for rung in pipeline.ladder for each in rounds(pipeline, rung, seed))


@given(pipelines(), st.integers(0, 2**32 - 1))
def test_the_menu_holds_every_view_that_can_be_seen(pipeline: Pipeline, seed: int) -> None:
    views = {question.view for each in menu(pipeline, seed) for question in each.questions}
    assert views >= set(ViewName) - {ViewName.COMPARE}


def test_drafts_are_asked_nine_at_once_and_one_alone() -> None:
    drafted = [each for each in menu(a_pipeline(), 1) if each.questions[0].reasoning is Reasoning.DRAFT]
    assert sorted(len(each.questions) for each in drafted) == [1, SAMPLES]


def test_drafts_have_the_temperature_of_the_ladders_drafts() -> None:
    ladder = [{"views": ["direct"]}, {"views": ["inverted"], "reasoning": "draft", "temperature": 0.4}]
    assert sampled(a_pipeline(ladder=ladder)).temperature == 0.4


def test_an_answer_read_at_once_is_the_same_under_any_seed() -> None:
    assert identity(Question(ViewName.DIRECT, "Is it?", seed=1)) == identity(
        Question(ViewName.DIRECT, "Is it?", seed=2)
    )


def test_drafts_of_other_seeds_are_other_answers_unless_greedy() -> None:
    one, other = (
        Question(ViewName.DIRECT, "Is it?", reasoning=Reasoning.DRAFT, temperature=0.8, seed=seed, max_tokens=24)
        for seed in (1, 2)
    )
    assert identity(one) != identity(other)
    said = Said(ViewName.DIRECT, 0, "Is it?", 0.5, 3, 1.0, reasoning=Reasoning.DRAFT, temperature=0.8, seed=2)
    assert answered(said) == identity(other), "a tape that tells no limits was written within those of its kind"


def test_thoughts_within_other_limits_are_other_answers() -> None:
    one = Question(ViewName.DIRECT, "Is it?", reasoning=Reasoning.BUDGET, max_tokens=64, min_tokens=8)
    others = [replace(one, max_tokens=65), replace(one, min_tokens=9), replace(one, reasoning=Reasoning.COT)]
    assert all(identity(other) != identity(one) for other in others)
    said = Said(ViewName.DIRECT, 0, "Is it?", 0.5, 9, 1.0, reasoning=Reasoning.BUDGET, limits=Limits(8, 64))
    assert answered(said) == identity(one)


# ---------------------------------------------------------------- prices


def test_a_batch_that_was_not_measured_is_priced_between_those_that_were() -> None:
    prices = Prices([a_tape(a_batch(10.0, 1), a_batch(18.0, 9)), a_tape(a_batch(12.0, 1), a_batch(20.0, 9))])
    asked = [Question(ViewName.PARAPHRASE, f"Another {k}?") for k in range(5)]
    assert prices.ms(Pictures.FRAME, asked) == pytest.approx(15.0)


def test_asking_more_is_never_cheaper() -> None:
    prices = Prices([a_tape(a_batch(30.0, 1), a_batch(10.0, 9))])
    one, many = ([Question(ViewName.PARAPHRASE, f"Another {k}?") for k in range(count)] for count in (1, 9))
    assert prices.ms(Pictures.FRAME, one) <= prices.ms(Pictures.FRAME, many)


def test_drafts_have_a_price_of_their_own() -> None:
    prices = Prices([a_tape(a_batch(10.0), a_batch(90.0, 1, Reasoning.DRAFT))])
    draft = Question(ViewName.DIRECT, "Is it?", reasoning=Reasoning.DRAFT, max_tokens=24)
    assert prices.ms(Pictures.FRAME, [draft]) == pytest.approx(90.0)


def test_the_price_of_a_batch_is_that_of_its_longest_thought() -> None:
    prices = Prices([a_tape(a_batch(90.0, 2, Reasoning.DRAFT), a_batch(900.0, 2, Reasoning.COT))])
    thoughts = [Question(ViewName.DIRECT, "Is it?", reasoning=Reasoning.COT, max_tokens=256)]
    drafts = [Question(ViewName.DIRECT, "Is it?", reasoning=Reasoning.DRAFT, max_tokens=24)]
    assert prices.ms(Pictures.FRAME, drafts) == pytest.approx(90.0)
    assert prices.ms(Pictures.FRAME, [*drafts, *thoughts]) == pytest.approx(900.0)


# ---------------------------------------------------------------- the file


def test_tapes_are_found_again_by_picture_and_fingerprint(tmp_path: Path) -> None:
    path, tape = tmp_path / "votes" / "pcb.jsonl", a_tape(a_batch(10.0, 3))
    TapeFile(path).add(tape)
    again = TapeFile(path)
    assert again.find("ab", "0" * 16) == tape
    assert again.find("ab", "f" * 16) is None
    assert again.find("cd", "0" * 16) is None


def test_a_tape_keeps_limits_and_how_right_an_answer_is_held_to_be(tmp_path: Path) -> None:
    path = tmp_path / "pcb.jsonl"
    said = replace(a_batch(1.0).said[0], limits=Limits(8, 64), p_true=0.75)
    TapeFile(path).add(tape := a_tape(Batch(Pictures.FRAME, 1.0, (said,))))
    assert TapeFile(path).find("ab", "0" * 16) == tape


def test_a_row_that_a_killed_run_left_unfinished_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "pcb.jsonl"
    TapeFile(path).add(a_tape())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    TapeFile(path).add(a_tape(sha256="cd"))
    assert TapeFile(path).find("ab", "0" * 16) is not None
    assert TapeFile(path).find("cd", "0" * 16) is not None
    assert path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("row", [b"{}\n", b"not json\n", b'{"name": "p-1"}\n'])
def test_a_file_of_something_else_is_refused_with_its_row(tmp_path: Path, row: bytes) -> None:
    path = tmp_path / "pcb.jsonl"
    TapeFile(path).add(a_tape())
    path.write_bytes(path.read_bytes() + row)
    with pytest.raises(InspectorError, match=r"row 2 .*--votes"):
        TapeFile(path)


def test_a_folder_is_no_file_of_votes(tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match="--votes"):
        TapeFile(tmp_path)
