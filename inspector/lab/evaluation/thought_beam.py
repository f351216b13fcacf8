"""A search among thoughts, sentence by sentence (beam search with lookahead, Snell 2024, 2408.03314).

Each step goes on from the best beginnings in several ways. Each of these rows writes a sentence and what follows it, up
to a verdict: that is the lookahead. The model itself is then asked if that verdict is right. The sentences of the rows
that it trusts most begin the next step. All rows of a step are one batch behind the frame's prefix.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.pipeline import Pipeline, TokenLimits
from inspector.domain.prompts import VERDICT_CUE, Pictures, Question, questions
from inspector.lab.evaluation.recording import AnswerBatch, RecordedAnswer, recorded_answer
from inspector.lab.evaluation.stopwatch import ms_since
from inspector.ports.engine import Engine, Prefix

BEAMS: Final = 2  # beginnings that a step goes on from
ROWS: Final = 6  # of a step, over all its beginnings
MAX_STEPS: Final = 4
STEP_TOKENS: Final = 64  # of one sentence and its lookahead
TEMPERATURE: Final = 0.8
SENTENCE_END: Final = re.compile(r"[.!?](?=\s)|\n")


async def search_thoughts(engine: Engine, prefix: Prefix, pipeline: Pipeline, seed: int) -> tuple[AnswerBatch, ...]:
    """Return the answers of every step; the search ends with a thought that has no further sentence."""
    begins, steps = [""], list[AnswerBatch]()
    while begins and len(steps) < MAX_STEPS:
        asked = beam_questions(pipeline, begins, seed + ROWS * len(steps))
        started, answers = time.perf_counter(), list[RecordedAnswer]()
        async with aclosing(engine.ask(prefix, asked)) as given:
            async for answer in given:
                answers.append(recorded_answer(asked, answer, ms_since(started)))
        steps.append(AnswerBatch(Pictures.FRAME, ms_since(started), tuple(answers)))
        begins = next_begins(answers, begins)
    return tuple(steps)


def beam_questions(pipeline: Pipeline, begins: Sequence[str], seed: int) -> list[Question]:
    """The direct question with a thought that goes on from each beginning, in as many ways as ROWS allows."""
    limits, direct = TokenLimits(0, STEP_TOKENS), ViewName.DIRECT
    (plain,) = questions(
        pipeline, direct, samples=1, reasoning=Reasoning.COT, temperature=TEMPERATURE, seed=seed, limits=limits
    )
    return [replace(plain, begin=begins[row % len(begins)], seed=seed + row, asks_p_true=True) for row in range(ROWS)]


def next_begins(answers: Sequence[RecordedAnswer], begins: Sequence[str]) -> list[str]:
    """The best beginnings, one sentence longer; none once the most trusted thought has no further sentence."""
    longer = [longer_begin(answer.text, begins) for answer in sorted(answers, key=trust, reverse=True)]
    if not longer or longer[0] is None:
        return []
    return list(dict.fromkeys(begin for begin in longer if begin is not None))[:BEAMS]


def trust(answer: RecordedAnswer) -> float:
    """How sure the model is that its verdict is right; an answer that cannot be read is the last."""
    return -1.0 if answer.p_ng is None else answer.p_true or 0.0


def longer_begin(text: str, begins: Sequence[str]) -> str | None:
    """The beginning of a thought with one more sentence; None where nothing follows that sentence but the verdict."""
    begun = max((len(begin) for begin in begins if text.startswith(begin)), default=0)
    thought = text.partition(VERDICT_CUE)[0]
    end = SENTENCE_END.search(thought, begun + 1)
    return thought[: end.end()] if end and thought[end.end() :].strip() else None
