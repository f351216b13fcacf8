"""The questions of a ladder, grouped into batches. Pure.

Questions about the same pictures continue from one prefix and are asked in one batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from inspector.domain.declared import JOINT_VIEWS, ViewName
from inspector.domain.pipeline import Pipeline, Rung
from inspector.domain.prompts import PICTURES_OF, Pictures, Question, questions


class QuestionGroup(NamedTuple):
    """The questions of one rung that share pictures."""

    pictures: Pictures
    questions: tuple[Question, ...]

    @property
    def votes(self) -> int:
        """Count the votes. A checklist is one vote, however many items it has, and so is what separates a claim."""
        return len(_ballots(RungQuestion(0, question) for question in self.questions))


def question_groups(pipeline: Pipeline, rung: Rung, seed: int) -> list[QuestionGroup]:
    """Group one rung's questions by the pictures they need, in declared order; separate needs the others' votes."""
    groups: dict[Pictures, list[Question]] = {}
    for view in sorted(rung.views, key=_needs_votes):
        groups.setdefault(PICTURES_OF[view], []).extend(_asked_by(pipeline, rung, view, seed))
    return [QuestionGroup(pictures, tuple(grouped)) for pictures, grouped in groups.items()]


def _needs_votes(view: ViewName) -> bool:
    return view is ViewName.SEPARATE


def _asked_by(pipeline: Pipeline, rung: Rung, view: ViewName, seed: int) -> list[Question]:
    """List the questions of one view in one rung."""
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
    """A declared rung with its number and all its questions."""

    number: int
    rung: Rung
    groups: tuple[QuestionGroup, ...]

    @property
    def votes(self) -> int:
        return sum(each.votes for each in self.groups)


def steps(pipeline: Pipeline, seed: int) -> list[Step]:
    """List the steps of the whole ladder for one part."""
    return [
        Step(number, rung, tuple(question_groups(pipeline, rung, seed))) for number, rung in enumerate(pipeline.ladder)
    ]


class RungQuestion(NamedTuple):
    """A question, and the number of the rung that asks it."""

    rung: int
    question: Question


class QuestionBatch(NamedTuple):
    """Questions of one or more rungs that share pictures and are asked at once."""

    pictures: Pictures
    questions: tuple[RungQuestion, ...]

    @property
    def votes(self) -> int:
        return len(_ballots(self.questions))


def question_batches(steps: Sequence[Step], max_votes: int, *, asked: int = 0) -> list[QuestionBatch]:
    """Group the next `max_votes` votes of these steps by the pictures they need; separate needs the others' votes.

    `asked`: how many votes of these steps were grouped before.
    """
    groups: dict[Pictures, list[RungQuestion]] = {}
    for ballot in islice(_ballots(_all(steps)), asked, asked + max_votes):
        groups.setdefault(PICTURES_OF[ballot[0].question.view], []).extend(ballot)
    ordered = sorted(groups.items(), key=lambda group: group[0] is Pictures.CLAIM)
    return [QuestionBatch(pictures, tuple(batch)) for pictures, batch in ordered]


def _all(steps: Sequence[Step]) -> Iterable[RungQuestion]:
    return (
        RungQuestion(step.number, question) for step in steps for each in step.groups for question in each.questions
    )


def _ballots(questions: Iterable[RungQuestion]) -> list[list[RungQuestion]]:
    """Split the questions into votes: one question each, or all of a view whose questions are one vote."""
    ballots: dict[tuple[int, ViewName | int], list[RungQuestion]] = {}
    for place, each in enumerate(questions):
        view = each.question.view
        ballots.setdefault((each.rung, view if view in JOINT_VIEWS else place), []).append(each)
    return list(ballots.values())
