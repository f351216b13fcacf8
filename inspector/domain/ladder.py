"""What is asked together: questions that look at the same pictures continue from one prefix, in one batch. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from inspector.domain.declared import ViewName
from inspector.domain.pipeline import Pipeline, Rung
from inspector.domain.prompts import PICTURES_OF, Pictures, Question, questions


class QuestionGroup(NamedTuple):
    """The questions of one rung that share pictures."""

    pictures: Pictures
    questions: tuple[Question, ...]

    @property
    def votes(self) -> int:
        """A checklist is one vote, however many items it has."""
        return len(_ballots(RungQuestion(0, question) for question in self.questions))


def question_groups(pipeline: Pipeline, rung: Rung, seed: int) -> list[QuestionGroup]:
    """One rung's questions grouped by the pictures they need, in declared order."""
    groups: dict[Pictures, list[Question]] = {}
    for view in rung.views:
        groups.setdefault(PICTURES_OF[view], []).extend(_asked_by(pipeline, rung, view, seed))
    return [QuestionGroup(pictures, tuple(asked)) for pictures, asked in groups.items()]


def _asked_by(pipeline: Pipeline, rung: Rung, view: ViewName, seed: int) -> list[Question]:
    """One rung's questions of one view."""
    return questions(
        pipeline,
        view,
        samples=rung.samples,
        reasoning=rung.reasoning,
        temperature=rung.temperature,
        seed=seed,
        limits=rung.limits,
    )


class Step(NamedTuple):
    """A declared rung with its number and all it asks."""

    number: int
    rung: Rung
    groups: tuple[QuestionGroup, ...]

    @property
    def votes(self) -> int:
        return sum(each.votes for each in self.groups)


def steps(pipeline: Pipeline, seed: int) -> list[Step]:
    """The whole ladder of one part."""
    return [
        Step(number, rung, tuple(question_groups(pipeline, rung, seed))) for number, rung in enumerate(pipeline.ladder)
    ]


class RungQuestion(NamedTuple):
    """A question, and the number of the rung that asks it."""

    rung: int
    question: Question


class QuestionBatch(NamedTuple):
    """Questions of one or more rungs that share pictures, asked at once."""

    pictures: Pictures
    asked: tuple[RungQuestion, ...]

    @property
    def votes(self) -> int:
        return len(_ballots(self.asked))


def question_batches(together: Sequence[Step], most: int) -> list[QuestionBatch]:
    """The first `most` votes of these rungs, grouped by the pictures they need."""
    groups: dict[Pictures, list[RungQuestion]] = {}
    for ballot in islice(_ballots(_all(together)), most):
        groups.setdefault(PICTURES_OF[ballot[0].question.view], []).extend(ballot)
    return [QuestionBatch(pictures, tuple(asked)) for pictures, asked in groups.items()]


def _all(together: Sequence[Step]) -> Iterable[RungQuestion]:
    return (
        RungQuestion(step.number, question) for step in together for each in step.groups for question in each.questions
    )


def _ballots(asked: Iterable[RungQuestion]) -> list[list[RungQuestion]]:
    """The questions of each vote: one, or a checklist's items."""
    ballots: dict[tuple[int, int | None], list[RungQuestion]] = {}
    for place, each in enumerate(asked):
        part_of_list = each.question.view is ViewName.CHECKLIST
        ballots.setdefault((each.rung, None if part_of_list else place), []).append(each)
    return list(ballots.values())
