"""A recording that is asked instead of a model, and adds up what that would have cost. Pure but for its engine's loop.

What is paid for is what was asked: all answers of a batch, though a rule may stop before it has heard them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from inspector.domain.declared import ViewName
from inspector.domain.ladder import QuestionGroup
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import LOCATE_REQUEST, Pictures, Question, preamble
from inspector.domain.report import WHOLE_FRAME, Box, JsonSchema, read_box
from inspector.domain.vote import Opinion, Vote
from inspector.errors import ModelError
from inspector.judging.judge import checklist_vote
from inspector.judging.second_opinion import FrameOpinion
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.recording import (
    AnswerBatch,
    RecordedAnswer,
    RecordedOpinion,
    Recording,
    answer_identity,
    question_identity,
)
from inspector.ports.engine import Answer, GeneratedText, PatchMap, Picture, Prefix
from inspector.ports.pool import Job


class AskingCost(NamedTuple):
    """What was asked about one part. A checklist is one vote; `tokens` were written by the model."""

    votes: int = 0
    tokens: int = 0
    ms: float = 0.0


class RecordingReplay:
    """One strategy at work on one recording. `points`: the heat map, and not the model, says where the zoom view looks.
    Raises ModelError where that was not recorded."""

    def __init__(self, recording: Recording, batch_times: BatchTimeModel, *, points: bool = False) -> None:
        self.recording = recording
        self._batch_times = batch_times
        self._points = points
        self._votes, self._tokens, self._ms = 0, 0, 0.0
        self._noticed: FrameOpinion | None = None
        self._look_ms = {look.pictures: look.ms for look in recording.encodings}
        if points:
            self._look_ms[Pictures.ZOOM] = recorded_opinion(recording).encoding.ms
        batches = _pointed(recording) if points else recording.batches
        self._said = {answer_identity(said): said for batch in batches for said in batch.answers}
        self._batches = {frozenset(map(answer_identity, batch.answers)): batch for batch in batches}

    @property
    def cost(self) -> AskingCost:
        return AskingCost(self._votes, self._tokens, self._ms)

    def open(self, pictures: Pictures) -> None:
        """Encoding pictures is paid once."""
        self._ms += self._look_ms.pop(pictures, 0.0)

    def notice(self) -> FrameOpinion:
        """The second opinion, paid once."""
        if self._noticed is None:
            found = recorded_opinion(self.recording)
            self._ms += found.ms
            self._noticed = FrameOpinion(Opinion(found.p_ng, found.ms), found.suspect)
        return self._noticed

    def point(self) -> GeneratedText:
        self._ms += self.recording.locate_suspect.ms
        self._tokens += self.recording.locate_suspect.answer.tokens
        return self.recording.locate_suspect.answer

    def ask(self, pictures: Pictures, questions: tuple[Question, ...]) -> list[Answer]:
        """In the order the answers came. Raises ModelError for a question that nobody asked when this was recorded."""
        told = [self._find(question) for question in questions]
        batch = self._measured(told)
        self._votes += QuestionGroup(pictures, questions).votes
        self._tokens += sum(said.tokens for said in told)
        self._ms += batch.ms if batch else self._batch_times.ms(pictures, questions)
        answers = [Answer(index, said.p_ng, said.tokens, said.text, said.p_true) for index, said in enumerate(told)]
        if batch is None:  # all rows of a batch advance together: the shortest draft is the first to end
            return sorted(answers, key=lambda answer: answer.tokens)
        came = {answer_identity(said): place for place, said in enumerate(batch.answers)}
        return sorted(answers, key=lambda answer: came[answer_identity(told[answer.index])])

    def _find(self, question: Question) -> RecordedAnswer:
        try:
            return self._said[question_identity(question)]
        except KeyError as error:
            raise ModelError(f"{self.recording.name}: nobody asked {question.text!r} when this was recorded") from error

    def _measured(self, told: Sequence[RecordedAnswer]) -> AnswerBatch | None:
        """The batch in which exactly these were asked at once."""
        batch = self._batches.get(frozenset(map(answer_identity, told)))
        return batch if batch and len(batch.answers) == len(told) else None

    def votes(self, each: QuestionGroup, rung: int) -> list[Vote]:
        """A round's votes, a checklist's last; none where there is no region to zoom at."""
        if each.pictures is Pictures.ZOOM and not self._has_suspect():
            return []
        self.open(each.pictures)
        answers = self.ask(each.pictures, each.questions)
        items = [answer for answer in answers if each.questions[answer.index].view is ViewName.CHECKLIST]
        votes = [
            Vote(
                each.questions[answer.index].view,
                rung,
                answer.p_ng,
                answer.tokens,
                self._ms,
                answer.text,
                answer.p_true,
            )
            for answer in answers
            if answer not in items
        ]
        return [*votes, checklist_vote(items, each.questions, rung, self._ms)] if items else votes

    def _has_suspect(self) -> bool:
        return bool(self.notice()) if self._points else read_box(self.point().text) is not None


def recorded_opinion(recording: Recording) -> RecordedOpinion:
    """Raises ModelError where there is no second opinion on the recording."""
    if recording.second_opinion is None:
        raise ModelError(
            f"{recording.name}: no second opinion was recorded; give the line golden_samples and run it with engine: "
            "transformers, and name another file with --votes where this one is older than that"
        )
    return recording.second_opinion


def _pointed(recording: Recording) -> tuple[AnswerBatch, ...]:
    """The batches with those about the detail that the heat map points at, in place of the model's."""
    return *(batch for batch in recording.batches if batch.pictures is not Pictures.ZOOM), *recorded_opinion(
        recording
    ).batches


class ReplayOpinions:
    """A replay as one who gives second opinions (`second_opinion.Opinions`)."""

    def __init__(self, replay: RecordingReplay) -> None:
        self._replay = replay

    async def opinion_on(self, prefix: Prefix, job: Job) -> FrameOpinion:  # noqa: ARG002
        return self._replay.notice()


@dataclass(frozen=True, slots=True)
class ReplayPrefix:
    """Pictures that need no encoding any more."""

    pictures: Pictures
    tokens: int = 0
    window: Box = WHOLE_FRAME


class ReplayEngine:
    """A replay as an engine (`ports.Engine`), for the service's own judge."""

    def __init__(self, replay: RecordingReplay, pipeline: Pipeline) -> None:
        self._replay = replay
        self._shown = {preamble(pipeline, pictures): pictures for pictures in Pictures}

    @property
    def fingerprint(self) -> str:
        return self._replay.recording.model

    async def open(self, pictures: Sequence[Picture], preamble: str) -> ReplayPrefix:  # noqa: ARG002
        shown = self._shown[preamble]
        self._replay.open(shown)
        return ReplayPrefix(shown)

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        for answer in self._replay.ask(_own(prefix).pictures, tuple(questions)):
            yield answer

    async def write(
        self,
        prefix: Prefix,  # noqa: ARG002
        request: str,
        *,
        start: str,  # noqa: ARG002
        max_tokens: int,  # noqa: ARG002
        schema: JsonSchema | None = None,  # noqa: ARG002
        urgent: bool = False,  # noqa: ARG002
    ) -> GeneratedText:
        if request != LOCATE_REQUEST:
            raise ModelError("a recording holds answers and where the model pointed, no reports")
        return self._replay.point()

    async def features(self, prefix: Prefix) -> PatchMap:  # noqa: ARG002
        raise ModelError("a recording holds second opinions, no patches")

    async def close(self, prefix: Prefix) -> None:
        pass


def _own(prefix: Prefix) -> ReplayPrefix:
    if not isinstance(prefix, ReplayPrefix):
        raise ModelError(f"{type(prefix).__name__} was opened by another engine")
    return prefix
