"""Replay a recording in place of a model, and add up the cost of what is asked. Pure, except for its engine's loop.

The cost covers everything asked: a batch counts with all its answers, even if a rule stops before it needs them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from inspector.domain.declared import ViewName
from inspector.domain.ladder import QuestionGroup
from inspector.domain.pipeline import MIN_READABLE, Pipeline
from inspector.domain.prompts import (
    CLAIM_ORDERS,
    LOCATE_REQUEST,
    Pictures,
    Question,
    claim_orders,
    preamble,
    report_request,
)
from inspector.domain.report import WHOLE_FRAME, Box, JsonSchema, read_box
from inspector.domain.vote import Opinion, Tally, Vote
from inspector.errors import ModelError
from inspector.judging.judge import checklist_vote
from inspector.judging.second_opinion import FrameOpinion
from inspector.judging.separation import separating_vote
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.recording import (
    AnswerBatch,
    RecordedAnswer,
    RecordedOpinion,
    RecordedSeparation,
    Recording,
    answer_identity,
    question_identity,
)
from inspector.lab.evaluation.thought_beam import trust
from inspector.ports.engine import Answer, GeneratedText, PatchMap, Picture, Prefix
from inspector.ports.pool import Job

ENLARGED: Final = 100.0  # scale of a recorded detail: it was asked because it showed more


class AskingCost(NamedTuple):
    """The cost of asking about one part. A checklist is one vote; `tokens` were written by the model."""

    votes: int = 0
    tokens: int = 0
    ms: float = 0.0


class RecordingReplay:
    """One strategy's replay of one recording.

    `points`: the zoom view shows the region that the heat map names, and not the one that the model names. Raises
    ModelError if no second opinion was recorded.
    """

    def __init__(self, recording: Recording, batch_times: BatchTimeModel, *, points: bool = False) -> None:
        self.recording = recording
        self._batch_times = batch_times
        self._points = points
        self._votes, self._tokens, self._ms = 0, 0, 0.0
        self._opinion: FrameOpinion | None = None
        self._encoding_ms = {encoding.pictures: encoding.ms for encoding in recording.encodings}
        if points:
            self._encoding_ms[Pictures.ZOOM] = recorded_opinion(recording).encoding.ms
        batches = _pointed_batches(recording) if points else recording.batches
        self._answers = {answer_identity(answer): answer for batch in batches for answer in batch.answers}
        self._batches = {frozenset(map(answer_identity, batch.answers)): batch for batch in batches}

    @property
    def cost(self) -> AskingCost:
        return AskingCost(self._votes, self._tokens, self._ms)

    def open(self, pictures: Pictures) -> None:
        """Add the cost of encoding these pictures, once."""
        self._ms += self._encoding_ms.pop(pictures, 0.0)

    def notice(self) -> FrameOpinion:
        """The second opinion; its cost is added once."""
        if self._opinion is None:
            recorded = recorded_opinion(self.recording)
            self._ms += recorded.ms
            self._opinion = FrameOpinion(Opinion(recorded.p_ng, recorded.ms), recorded.suspect)
        return self._opinion

    def point(self) -> GeneratedText:
        """The model's text about the most suspicious region."""
        self._ms += self.recording.named_suspect.ms
        self._tokens += self.recording.named_suspect.answer.tokens
        return self.recording.named_suspect.answer

    def ask(self, pictures: Pictures, questions: tuple[Question, ...]) -> list[Answer]:
        """The recorded answers in order of arrival. Raises ModelError for a question that was not recorded."""
        recorded = [self._find(question) for question in questions]
        batch = self._measured_batch(recorded)
        self._votes += QuestionGroup(pictures, questions).votes
        self._tokens += sum(answer.tokens for answer in recorded)
        self._ms += batch.ms if batch else self._batch_times.ms(pictures, questions)
        answers = [_answer(index, answer) for index, answer in enumerate(recorded)]
        if batch is None:  # all rows of a batch advance together: the shortest draft ends first
            return sorted(answers, key=lambda answer: answer.tokens)
        arrival = {answer_identity(answer): place for place, answer in enumerate(batch.answers)}
        return sorted(answers, key=lambda answer: arrival[answer_identity(recorded[answer.index])])

    def _find(self, question: Question) -> RecordedAnswer:
        try:
            return self._answers[question_identity(question)]
        except KeyError as error:
            raise ModelError(f"{self.recording.name}: no answer to {question.text!r} was recorded") from error

    def _measured_batch(self, answers: Sequence[RecordedAnswer]) -> AnswerBatch | None:
        """The recorded batch of exactly these answers."""
        batch = self._batches.get(frozenset(map(answer_identity, answers)))
        return batch if batch and len(batch.answers) == len(answers) else None

    def votes(self, group: QuestionGroup, rung: int, so_far: Sequence[Vote] = ()) -> list[Vote]:
        """A group's votes after those `so_far`, a checklist's last.

        There are none if there is no region to zoom at, no similar part to show, or no disagreement to decide.
        """
        if group.pictures is Pictures.CLAIM:
            return self.separate(rung) if Tally(tuple(so_far)).is_split else []
        if group.pictures is Pictures.SIMILAR or (group.pictures is Pictures.ZOOM and not self._has_suspect()):
            return []
        self.open(group.pictures)
        answers = self.ask(group.pictures, group.questions)
        items = [answer for answer in answers if group.questions[answer.index].view is ViewName.CHECKLIST]
        votes = [
            self._vote(group.questions[answer.index], rung, answer, self._ms)
            for answer in answers
            if answer not in items
        ]
        return [*votes, checklist_vote(items, group.questions, rung, self._ms, MIN_READABLE)] if items else votes

    def read_thought(self, cuts: Sequence[Question], is_sure: Callable[[Vote], bool]) -> list[Vote]:
        """The verdicts read inside one thought, the shortest cut first, up to the first that is sure or is its end.

        One vote is paid, and the time and tokens until the last of these verdicts.
        """
        self.open(Pictures.FRAME)
        began, votes = self._ms, list[Vote]()
        for number, cut in enumerate(cuts):
            recorded = self._find(cut)
            answer = _answer(0, recorded)
            if votes and votes[-1].text == recorded.text:
                break
            votes += [self._vote(cut, number, answer, began + recorded.ms)]
            if is_sure(votes[-1]):
                break
        self._votes, self._tokens, self._ms = self._votes + 1, self._tokens + votes[-1].tokens, votes[-1].ms
        return votes

    def separate(self, rung: int) -> list[Vote]:
        """The vote on what an NG answer claims; none if it claims no region. Raises ModelError if never asked."""
        claim, count = self.write_claim(), len(self._separation.orders)
        if not count:
            return []
        orders = [self.ask_claim(order) for order in range(count)]
        vote = separating_vote(orders, claim.text, rung, claim.tokens, MIN_READABLE)
        return [replace(vote, ms=self._ms)]

    def search(self) -> list[Vote]:
        """The votes of a search among thoughts: of each step the one that the model trusts most.

        Raises ModelError if none was recorded.
        """
        if not self.recording.beam:
            raise ModelError(f"{self.recording.name}: no search was recorded; record the parts again for beam")
        self.open(Pictures.FRAME)
        votes = list[Vote]()
        for number, step in enumerate(self.recording.beam):
            self._ms += step.ms
            self._votes += len(step.answers)
            self._tokens += sum(answer.tokens for answer in step.answers)
            best = max(step.answers, key=trust)
            values = best.p_ng, best.tokens, self._ms, best.text, best.p_true, best.readable
            votes.append(Vote(best.view, number, *values))
        return votes

    def write_claim(self) -> GeneratedText:
        """The text of what an NG answer claims."""
        self._ms += self._separation.claim_ms
        self._tokens += self._separation.claim.tokens
        return self._separation.claim

    def ask_claim(self, order: int) -> list[Answer]:
        """The answers about the claim in one order of the pictures. Those of all orders are one vote."""
        batch = self._separation.orders[order]
        self._votes += order == 0
        self._ms += batch.ms
        self._tokens += sum(answer.tokens for answer in batch.answers)
        return [_answer(index, recorded) for index, recorded in enumerate(batch.answers)]

    @property
    def _separation(self) -> RecordedSeparation:
        recorded = self.recording.separation
        if recorded is None:
            raise ModelError(f"{self.recording.name}: no separation was recorded; record the parts again for separate")
        return recorded

    @staticmethod
    def _vote(question: Question, rung: int, answer: Answer, ms: float) -> Vote:
        values = answer.p_ng, answer.tokens, ms, answer.text, answer.p_true, answer.readable
        return Vote(question.view, rung, *values)

    @property
    def has_zoom(self) -> bool:
        """Whether a detail was recorded: it is not where it would show what the frame showed."""
        return any(answer.view is ViewName.ZOOM for answer in self._answers.values())

    def _has_suspect(self) -> bool:
        has_suspect = bool(self.notice()) if self._points else read_box(self.point().text) is not None
        return has_suspect and self.has_zoom


def _answer(index: int, recorded: RecordedAnswer) -> Answer:
    return Answer(index, recorded.p_ng, recorded.tokens, recorded.text, recorded.p_true, recorded.readable)


def recorded_opinion(recording: Recording) -> RecordedOpinion:
    """Raises ModelError if the recording has no second opinion."""
    if recording.second_opinion is None:
        raise ModelError(
            f"{recording.name}: no second opinion was recorded; give the line golden_samples and run it with engine: "
            "transformers. If the --votes file is older than that, name another one"
        )
    return recording.second_opinion


def _pointed_batches(recording: Recording) -> tuple[AnswerBatch, ...]:
    """The batches, with the zoom view at the region of the heat map in place of the model's."""
    others = (batch for batch in recording.batches if batch.pictures is not Pictures.ZOOM)
    return *others, *recorded_opinion(recording).batches


class ReplayOpinions:
    """A replay as a source of second opinions (`second_opinion.OpinionSource`)."""

    def __init__(self, replay: RecordingReplay) -> None:
        self._replay = replay

    async def opinion_on(self, prefix: Prefix, job: Job) -> FrameOpinion:  # noqa: ARG002
        return self._replay.notice()


@dataclass(frozen=True, slots=True)
class ReplayPrefix:
    """Pictures whose encoding is recorded."""

    pictures: Pictures
    scale: float
    tokens: int = 0
    window: Box = WHOLE_FRAME


class ReplayEngine:
    """A replay as an engine (`ports.Engine`), for the service's own judge."""

    def __init__(self, replay: RecordingReplay, pipeline: Pipeline) -> None:
        self._replay = replay
        self._claim_request = report_request(pipeline)
        recorded = (each for each in Pictures if each not in (Pictures.DETAIL, Pictures.SIMILAR, *CLAIM_ORDERS))
        self._pictures = {preamble(pipeline, each): each for each in (*recorded, *claim_orders(pipeline))}

    @property
    def fingerprint(self) -> str:
        return self._replay.recording.model

    async def open(self, pictures: Sequence[Picture], preamble: str) -> ReplayPrefix:  # noqa: ARG002
        opened = self._pictures[preamble]
        self._replay.open(opened)
        return ReplayPrefix(opened, ENLARGED if opened is Pictures.ZOOM and self._replay.has_zoom else 1.0)

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        pictures = _own(prefix).pictures
        is_claim = pictures in CLAIM_ORDERS
        for answer in (
            self._replay.ask_claim(CLAIM_ORDERS.index(pictures))
            if is_claim
            else self._replay.ask(pictures, tuple(questions))
        ):
            yield answer

    async def write(
        self,
        prefix: Prefix,  # noqa: ARG002
        request: str,
        *,
        start: str,  # noqa: ARG002
        max_tokens: int,  # noqa: ARG002
        schema: JsonSchema | None = None,  # noqa: ARG002
        urgent: bool = False,
    ) -> GeneratedText:
        if request == self._claim_request and urgent:
            return self._replay.write_claim()
        if request != LOCATE_REQUEST:
            raise ModelError("a recording holds answers, the named region and the claim, no reports")
        return self._replay.point()

    async def features(self, prefix: Prefix) -> PatchMap:  # noqa: ARG002
        raise ModelError("a recording holds second opinions, no patches")

    async def close(self, prefix: Prefix) -> None:
        pass


def _own(prefix: Prefix) -> ReplayPrefix:
    if not isinstance(prefix, ReplayPrefix):
        raise ModelError(f"{type(prefix).__name__} was opened by another engine")
    return prefix
