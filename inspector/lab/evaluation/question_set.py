"""The questions asked about one part while recording: all that any strategy may need. Pure.

The declared rungs are asked in the service's batches, so that their time is measured as the service pays it. Drafted
answers are asked in one batch of nine, and one draft at temperature 0 alone. Longer thoughts are asked only for
strategies that need them: they cost more than all other questions together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.ladder import QuestionGroup, question_groups
from inspector.domain.pipeline import Pipeline, Rung
from inspector.domain.prompts import ENDINGS, PICTURES_OF, VERDICT_CUE, Pictures, Question, questions

SAMPLES: Final = 9  # drafted answers per part: the budget of every sampling strategy
DIRECT: Final = Rung(views=(ViewName.DIRECT,))
DRAFT: Final = Rung(views=(ViewName.DIRECT,), reasoning=Reasoning.DRAFT, temperature=0.0)
COT: Final = Rung(views=(ViewName.DIRECT,), reasoning=Reasoning.COT, temperature=0.0)
THOUGHT_STEP_TOKENS: Final = 32  # between two reads of the verdict inside one thought
CUT_RUNGS: Final = tuple(  # the last one is the whole thought
    COT.model_copy(update={"max_tokens": tokens})
    for tokens in range(THOUGHT_STEP_TOKENS, COT.limits.most + 1, THOUGHT_STEP_TOKENS)
)
MAX_WORDINGS: Final = 16  # of one view

REVISION: Final = (  # replaces the request to think: answer, objection, verdict
    " Answer Yes or No, then say in one sentence what speaks against your answer, then write "
    f"'{VERDICT_CUE} Yes' or '{VERDICT_CUE} No'."
)
REVISION_RUNG: Final = COT.model_copy(update={"max_tokens": 96})


class FurtherBatch(NamedTuple):
    """Rungs about the frame whose questions are asked in one batch.

    `ending`, if any, replaces the request to think; `switch_penalty` holds back other thoughts, in log-odds.
    """

    rungs: tuple[Rung, ...]
    ending: str = ""
    switch_penalty: float = 0.0


CUT_THOUGHTS: Final = FurtherBatch(CUT_RUNGS)
REVISED: Final = FurtherBatch((REVISION_RUNG,), REVISION)
STEADY: Final = FurtherBatch((COT,), switch_penalty=3.0)  # as published for TIP


def budget_rung(tokens: int) -> Rung:
    """Return a thought of exactly this many tokens: cut there, and kept going until there (s1, budget forcing)."""
    limits = {"reasoning": Reasoning.BUDGET, "max_tokens": tokens, "min_tokens": tokens}
    return COT.model_copy(update=limits)


def question_set(pipeline: Pipeline, seed: int) -> list[QuestionGroup]:
    """The groups of questions, in the order of asking."""
    groups = [group for rung in pipeline.ladder for group in question_groups(pipeline, rung, seed)]
    declared = [group for group in groups if group.pictures not in (Pictures.SIMILAR, Pictures.CLAIM)]
    asked = {(question.view, question.text) for group in declared for question in group.questions}
    other_wordings = [
        QuestionGroup(PICTURES_OF[view], _unasked(pipeline, view, asked)) for view in recorded_views(pipeline)
    ]
    drafted = [group for rung in (DRAFT, sampled_rung(pipeline)) for group in question_groups(pipeline, rung, seed)]
    return [*declared, *(group for group in other_wordings if group.questions), *drafted]


def recorded_views(pipeline: Pipeline) -> list[ViewName]:
    """List the views that can be asked about a labelled picture alone.

    A folder has no reviewed parts to show, and separate needs the votes of other views.
    """
    golden = {ViewName.COMPARE} if not pipeline.golden_samples else set()
    return [view for view in ViewName if view not in golden | {ViewName.SIMILAR, ViewName.SEPARATE}]


def further_group(pipeline: Pipeline, seed: int, batch: FurtherBatch) -> QuestionGroup:
    """The questions of a batch that is not part of the set."""
    groups = (group for rung in batch.rungs for group in question_groups(pipeline, rung, seed))
    asked = (question for group in groups for question in group.questions)
    worded = (_ending_with(question, batch.ending) for question in asked)
    held = tuple(replace(question, switch_penalty=batch.switch_penalty) for question in worded)
    return QuestionGroup(Pictures.FRAME, held)


def _ending_with(question: Question, ending: str) -> Question:
    return (
        replace(question, text=question.text.removesuffix(ENDINGS[question.reasoning]) + ending) if ending else question
    )


def sampled_rung(pipeline: Pipeline) -> Rung:
    """The direct question with SAMPLES drafts, at the temperature of the ladder's own drafts."""
    temperatures = (
        rung.temperature for rung in pipeline.ladder if rung.reasoning is Reasoning.DRAFT and rung.temperature
    )
    return DRAFT.model_copy(update={"samples": SAMPLES, "temperature": next(temperatures, DIRECT.temperature)})


def _unasked(pipeline: Pipeline, view: ViewName, asked: set[tuple[ViewName, str]]) -> tuple[Question, ...]:
    """The wordings of a view that are not in `asked`."""
    worded = questions(pipeline, view, samples=MAX_WORDINGS, reasoning=Reasoning.NONE, temperature=0.0, seed=0)
    return tuple(question for question in worded if (question.view, question.text) not in asked)
