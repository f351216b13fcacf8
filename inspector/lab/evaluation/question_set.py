"""The questions asked about one part while recording: all that any strategy may need. Pure.

The declared rungs are asked in the service's batches, so that their time is measured as the service pays it. Drafted
answers are asked in one batch of nine, and one greedy draft alone.
"""

from __future__ import annotations

from typing import Final

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.ladder import QuestionGroup, question_groups
from inspector.domain.pipeline import Pipeline, Rung
from inspector.domain.prompts import PICTURES_OF, Pictures, Question, questions

SAMPLES: Final = 9  # drafted answers per part: the budget of every sampling strategy
DIRECT: Final = Rung(views=(ViewName.DIRECT,))
GREEDY: Final = Rung(views=(ViewName.DIRECT,), reasoning=Reasoning.DRAFT, temperature=0.0)
MAX_WORDINGS: Final = 16  # of one view


def question_set(pipeline: Pipeline, seed: int) -> list[QuestionGroup]:
    """The groups of questions, in the order of asking."""
    groups = [group for rung in pipeline.ladder for group in question_groups(pipeline, rung, seed)]
    declared = [group for group in groups if group.pictures is not Pictures.SIMILAR]
    asked = {(question.view, question.text) for group in declared for question in group.questions}
    other_wordings = [
        QuestionGroup(PICTURES_OF[view], _unasked(pipeline, view, asked)) for view in recorded_views(pipeline)
    ]
    drafted = [group for rung in (GREEDY, sampled_rung(pipeline)) for group in question_groups(pipeline, rung, seed)]
    return [*declared, *(group for group in other_wordings if group.questions), *drafted]


def recorded_views(pipeline: Pipeline) -> list[ViewName]:
    """List the views that can be asked about a labelled picture: a folder has no reviewed parts to show."""
    golden = {ViewName.COMPARE} if not pipeline.golden_samples else set()
    return [view for view in ViewName if view not in golden | {ViewName.SIMILAR}]


def sampled_rung(pipeline: Pipeline) -> Rung:
    """The direct question with SAMPLES drafts, at the temperature of the ladder's own drafts."""
    temperatures = (
        rung.temperature for rung in pipeline.ladder if rung.reasoning is Reasoning.DRAFT and rung.temperature
    )
    return GREEDY.model_copy(update={"samples": SAMPLES, "temperature": next(temperatures, DIRECT.temperature)})


def _unasked(pipeline: Pipeline, view: ViewName, asked: set[tuple[ViewName, str]]) -> tuple[Question, ...]:
    """The wordings of a view that are not in `asked`."""
    worded = questions(pipeline, view, samples=MAX_WORDINGS, reasoning=Reasoning.NONE, temperature=0.0, seed=0)
    return tuple(question for question in worded if (question.view, question.text) not in asked)
