"""Strategies that think, on thoughts of a tiny checkpoint of the real architecture and on scripted ones."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from support import tiny_model
from support.evaluated_parts import OpinionatedEngine, a_line, parts
from support.fakes import MemoryEvidence
from support.line_fakes import KeptPrefix

from inspector.domain.declared import Reasoning
from inspector.domain.log_odds import expit
from inspector.domain.prompts import VERDICT_CUE, WAIT, Question
from inspector.domain.vote import StoppedBy
from inspector.errors import ModelError
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.comparison import compare_recorded
from inspector.lab.evaluation.comparison_report import comparison_report
from inspector.lab.evaluation.part_recorder import LabelledPart, PartRecorder, RecordedPart
from inspector.lab.evaluation.question_set import CUT_RUNGS, REVISED, FurtherBatch, budget_rung
from inspector.lab.evaluation.recording import Recording
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.strategies import WITH_THOUGHTS, StrategyOutcome, choose_strategies, thoughts_of
from inspector.lab.evaluation.thought_curve import CUTS_TOKENS, MIN_PARTS, thought_curves
from inspector.lab.report_files import write_report
from inspector.ports.engine import Answer, Prefix

ONE_RUNG = a_line(ladder=[{"views": ["direct"]}])


class ThinkingEngine(OpinionatedEngine):
    """An engine whose verdict drifts by `drift` log-odds towards the truth with every 32 tokens of a thought of at most
    `ends` tokens."""

    def __init__(self, drift: float, ends: int = 256, start: float = 0.2, spread: float = 0.0) -> None:
        super().__init__()
        self._drift, self._ends, self._start, self._spread = drift, ends, start, spread

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        async for answer in super().ask(prefix, questions):
            question = questions[answer.index]
            if question.reasoning not in (Reasoning.COT, Reasoning.BUDGET):
                yield answer
                continue
            is_free = question.reasoning is Reasoning.COT
            tokens = min(question.max_tokens, self._ends) if is_free else question.max_tokens
            assert isinstance(prefix, KeptPrefix)
            side = 1.0 if prefix.pictures[-1].data.startswith(b"ng") else -1.0
            begin = self._start + random.Random(prefix.pictures[-1].data).gauss(0.0, self._spread)
            p_ng = expit(side * (begin + self._drift * tokens / 32))
            yield replace(answer, p_ng=p_ng, tokens=tokens, text="word " * tokens + VERDICT_CUE)


def recorded(
    engine: OpinionatedEngine, asked: Sequence[LabelledPart], path: Path, names: Sequence[str]
) -> list[RecordedPart]:
    recorder = PartRecorder(engine, MemoryEvidence(), RecordingFile(path), thoughts_of(names))
    return asyncio.run(recorder.record_all(asked)).parts


def play(name: str, case: RecordedPart) -> StrategyOutcome:
    async def played() -> StrategyOutcome:
        return await WITH_THOUGHTS[name](case, BatchTimeModel([case.recording]))

    return asyncio.run(played())


# ---------------------------------------------------------------- a real engine


@pytest.fixture(scope="module")
def thoughts(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    lamp = LabelledPart("lamp", ONE_RUNG, tiny_model.lamp(0.55).data, True)
    recorder = PartRecorder(
        tiny_model.engine(),
        MemoryEvidence(),
        RecordingFile(tmp_path_factory.mktemp("votes") / "lamp.jsonl"),
        [FurtherBatch(CUT_RUNGS[:3]), REVISED, FurtherBatch((budget_rung(64),))],
    )
    (case,) = asyncio.run(recorder.record_all([lamp])).parts
    return case.recording


def test_the_cuts_of_a_thought_are_beginnings_of_one_text(thoughts: Recording) -> None:
    *_, cuts, _, _ = thoughts.batches
    texts = [answer.text for answer in sorted(cuts.answers, key=lambda answer: answer.limits or (0, 0))]
    assert len(texts) == 3
    for shorter, longer in pairwise(texts):
        assert longer.startswith(shorter.removesuffix(VERDICT_CUE).rstrip())


def test_a_budget_is_reached_by_waits_and_not_passed(thoughts: Recording) -> None:
    (forced,) = thoughts.batches[-1].answers
    assert WAIT in forced.text
    assert forced.tokens >= 64
    assert forced.p_ng is not None


def test_a_revision_is_asked_for_in_place_of_a_thought(thoughts: Recording) -> None:
    (revised,) = thoughts.batches[-2].answers
    assert "what speaks against your answer" in revised.question
    assert "step by step" not in revised.question
    assert revised.p_ng is not None


# ---------------------------------------------------------------- recording


def test_thoughts_are_asked_only_for_strategies_that_need_them(tmp_path: Path) -> None:
    engine = OpinionatedEngine()
    recorded(engine, parts(1, ONE_RUNG), tmp_path / "votes.jsonl", list(choose_strategies([])))
    assert all(question.reasoning in (Reasoning.NONE, Reasoning.DRAFT) for question in engine.asked)


def test_a_recorded_part_is_asked_only_what_is_missing(tmp_path: Path) -> None:
    recorded(OpinionatedEngine(), parts(2, ONE_RUNG), tmp_path / "votes.jsonl", [])
    engine = ThinkingEngine(0.5)
    cases = recorded(engine, parts(2, ONE_RUNG), tmp_path / "votes.jsonl", ["budget-64"])
    assert {question.reasoning for question in engine.asked} == {Reasoning.BUDGET}
    again = ThinkingEngine(0.5)
    assert recorded(again, parts(2, ONE_RUNG), tmp_path / "votes.jsonl", ["budget-64"]) == cases
    assert again.asked == []


def test_a_strategy_without_its_recorded_thoughts_is_an_error(tmp_path: Path) -> None:
    (case,) = recorded(OpinionatedEngine(), parts(1, ONE_RUNG), tmp_path / "votes.jsonl", [])
    with pytest.raises(ModelError, match="was recorded"):
        play("cot-gated", case)


# ---------------------------------------------------------------- replaying


def test_a_gated_thought_stops_at_the_first_sure_verdict_and_costs_no_more(tmp_path: Path) -> None:
    cases = recorded(ThinkingEngine(1.0), parts(2, ONE_RUNG), tmp_path / "votes.jsonl", list(WITH_THOUGHTS))
    for case in cases:
        outcome = play("cot-gated", case)
        assert (outcome.stopped_by, outcome.rungs, outcome.cost.tokens) == (StoppedBy.SETTLED, 3, 96)
        assert outcome.cost.votes == 1
        assert play("cot", case).cost.tokens == 256


def test_a_gated_thought_that_never_becomes_sure_ends_where_it_ends(tmp_path: Path) -> None:
    (case,) = recorded(ThinkingEngine(0.0, ends=70), parts(1, ONE_RUNG), tmp_path / "votes.jsonl", ["cot-gated"])
    outcome = play("cot-gated", case)
    assert (outcome.stopped_by, outcome.rungs, outcome.cost.tokens) == (StoppedBy.LADDER_END, 3, 70)


@pytest.mark.parametrize(
    ("p_ng", "tokens"), [(0.5, 256), (0.7, 256), (0.2, 128), (0.9, 64), (0.94, 64), (0.03, 0), (0.99, 0), (None, 256)]
)
def test_the_budget_grows_with_the_doubt_of_the_direct_verdict(p_ng: float | None, tokens: int, tmp_path: Path) -> None:
    names = ["budget-by-margin"]
    (case,) = recorded(ThinkingEngine(1.0), parts(1, ONE_RUNG), tmp_path / "votes.jsonl", names)
    answered = [
        replace(batch, answers=tuple(replace(each, p_ng=p_ng) if not each.tokens else each for each in batch.answers))
        for batch in case.recording.batches
    ]
    outcome = play(names[0], case._replace(recording=replace(case.recording, batches=tuple(answered))))
    assert (outcome.cost.tokens, outcome.rungs) == (tokens, 2 if tokens else 1)


# ---------------------------------------------------------------- the curve


@pytest.mark.parametrize(("drift", "start", "harms"), [(-0.2, 1.0, True), (0.2, -1.0, False), (0.0, 0.3, False)])
def test_a_line_whose_thoughts_drift_from_the_truth_is_harmed(
    drift: float, start: float, harms: bool, tmp_path: Path
) -> None:
    engine = ThinkingEngine(drift, start=start, spread=1.0)
    (curve,) = thought_curves(recorded(engine, parts(40, ONE_RUNG), tmp_path / "v.jsonl", ["cot"]))
    assert curve.harms is harms
    assert [cut.tokens for cut in curve.cuts] == [*CUTS_TOKENS]
    assert (curve.cuts[-1].p_ng_ng < curve.cuts[0].p_ng_ng) is (drift < 0)


def test_few_parts_do_not_convict_a_line(tmp_path: Path) -> None:
    engine = ThinkingEngine(-0.2, start=1.0, spread=1.0)
    (curve,) = thought_curves(recorded(engine, parts(MIN_PARTS - 2, ONE_RUNG), tmp_path / "v.jsonl", ["cot"]))
    assert curve.slope is not None
    assert curve.slope.is_inverse
    assert not curve.harms


def test_the_report_shows_the_curve_of_lines_that_thought(tmp_path: Path) -> None:
    cases = recorded(ThinkingEngine(0.5), parts(20, ONE_RUNG), tmp_path / "votes.jsonl", ["cot"])
    compare = partial(compare_recorded, "twenty parts", cases)
    page = comparison_report(asyncio.run(compare(choose_strategies(["cot"]))))
    assert "thoughts.png" in {path.name for path in write_report(page, tmp_path / "report")}
    assert "## Thoughts on" in str(page["report.md"])
    assert thought_curves(recorded(OpinionatedEngine(), parts(20, ONE_RUNG), tmp_path / "w.jsonl", [])) == []
