"""What is asked about one part when its answers are recorded: every question that any strategy may want. Pure.

The declared rungs come in the batches of the service, so that their cost is measured as it is paid; drafted answers
come nine at once, and one alone.
"""

from __future__ import annotations

from typing import Final

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.ladder import QuestionGroup, question_groups
from inspector.domain.pipeline import Pipeline, Rung
from inspector.domain.prompts import PICTURES_OF, Question, questions

SAMPLES: Final = 9  # drafted answers a part: the budget of every sampling strategy
DIRECT: Final = Rung(views=(ViewName.DIRECT,))
GREEDY: Final = Rung(views=(ViewName.DIRECT,), reasoning=Reasoning.DRAFT, temperature=0.0)
MAX_WORDINGS: Final = 16


def question_set(pipeline: Pipeline, seed: int) -> list[QuestionGroup]:
    """In the order of asking."""
    declared = [each for rung in pipeline.ladder for each in question_groups(pipeline, rung, seed)]
    asked = {(question.view, question.text) for each in declared for question in each.questions}
    views = [view for view in ViewName if view is not ViewName.COMPARE or pipeline.golden_samples]
    worded = [QuestionGroup(PICTURES_OF[view], _left(pipeline, view, asked)) for view in views]
    drafted = [each for rung in (GREEDY, sampled_rung(pipeline)) for each in question_groups(pipeline, rung, seed)]
    return [*declared, *(each for each in worded if each.questions), *drafted]


def sampled_rung(pipeline: Pipeline) -> Rung:
    """The direct question, answered after different drafts, at the temperature of the ladder's own drafts."""
    warm = (rung.temperature for rung in pipeline.ladder if rung.reasoning is Reasoning.DRAFT and rung.temperature)
    return GREEDY.model_copy(update={"samples": SAMPLES, "temperature": next(warm, DIRECT.temperature)})


def _left(pipeline: Pipeline, view: ViewName, asked: set[tuple[ViewName, str]]) -> tuple[Question, ...]:
    """The view in all wordings that were not asked yet."""
    worded = questions(pipeline, view, samples=MAX_WORDINGS, reasoning=Reasoning.NONE, temperature=0.0, seed=0)
    return tuple(question for question in worded if (question.view, question.text) not in asked)
