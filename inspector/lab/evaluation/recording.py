"""The answers that a model gave about one part: all questions of the question set, with the time of each batch. Pure.

A recording holds answers and not votes, so that any ladder and any stopping rule can be replayed on it without a model.
The aliases are the names in recording files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.pipeline import REASONING_TOKENS, TokenLimits
from inspector.domain.prompts import Pictures, Question
from inspector.domain.report import Box
from inspector.ports.engine import Answer, GeneratedText


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """One answer. `sample` is its number among the answers of its view in the batch; `ms` is the time since the batch
    was asked. `limits` None means the limits of the reasoning, which older recordings do not contain."""

    view: ViewName
    sample: int
    question: str
    p_ng: float | None
    tokens: int
    ms: float
    text: str = ""
    reasoning: Reasoning = Reasoning.NONE
    temperature: float = 0.0
    seed: int = 0
    limits: TokenLimits | None = None
    p_true: float | None = None
    readable: float = 1.0
    switch_penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class AnswerBatch:
    """Questions asked at once, with their answers in order of arrival. `ms` is the time until the last answer."""

    pictures: Pictures
    ms: float
    answers: Annotated[tuple[RecordedAnswer, ...], Field(alias="said")]


@dataclass(frozen=True, slots=True)
class PictureEncoding:
    """The time that encoding pictures took."""

    pictures: Pictures
    ms: float


@dataclass(frozen=True, slots=True)
class NamedSuspect:
    """The model's text when asked for the most suspicious region."""

    answer: Annotated[GeneratedText, Field(alias="said")]
    ms: float


@dataclass(frozen=True, slots=True)
class RecordedOpinion:
    """The second opinion from the golden samples' patches, its suspect region and its time.

    `encoding` and `batches` are about a crop of that region, in place of the crop that the model names.
    """

    p_ng: float
    suspect: Box
    ms: float
    encoding: Annotated[PictureEncoding, Field(alias="look")]
    batches: tuple[AnswerBatch, ...]


@dataclass(frozen=True, slots=True)
class RecordedSeparation:
    """The claim of an NG answer, and the answers about what it claims, one batch for each order of the pictures.

    The time of a batch includes the encoding. There are none where the claim names no region.
    """

    claim: GeneratedText
    claim_ms: float
    orders: tuple[AnswerBatch, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """All answers about one part.

    `sha256` is that of the picture, `golden` those of its golden samples. `fingerprint` covers everything that
    determines the answers, `model` the model alone. `seed` chose the wordings. `second_opinion` is None without golden
    samples, or if the engine provides no patches. `separation` is None and `beam`, the steps of a search among
    thoughts, is empty where no strategy needed it.
    """

    name: str
    sha256: str
    model: str
    golden: tuple[str, ...]
    fingerprint: str
    seed: int
    encodings: Annotated[tuple[PictureEncoding, ...], Field(alias="looks")]
    named_suspect: Annotated[NamedSuspect, Field(alias="pointed")]
    batches: tuple[AnswerBatch, ...]
    second_opinion: Annotated[RecordedOpinion | None, Field(alias="compared")] = None
    separation: RecordedSeparation | None = None
    beam: tuple[AnswerBatch, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.sha256, self.fingerprint

    def holds(self, questions: Iterable[Question]) -> bool:
        """Whether all of these questions were answered."""
        answered = {answer_identity(answer) for batch in self.batches for answer in batch.answers}
        return answered.issuperset(map(question_identity, questions))


QuestionIdentity = tuple[ViewName, str, Reasoning, TokenLimits, float, int, float]


def question_identity(question: Question) -> QuestionIdentity:
    """Everything that an answer to this question depends on."""
    limits = question_limits(question)
    sampling = limits, question.temperature, question.seed, question.switch_penalty
    return _identity(question.view, question.text, question.reasoning, *sampling)


def answer_identity(answer: RecordedAnswer) -> QuestionIdentity:
    """The identity of the answered question."""
    limits = answer_limits(answer)
    sampling = limits, answer.temperature, answer.seed, answer.switch_penalty
    return _identity(answer.view, answer.question, answer.reasoning, *sampling)


def question_limits(question: Question) -> TokenLimits:
    return TokenLimits(question.min_tokens, question.max_tokens)


def answer_limits(answer: RecordedAnswer) -> TokenLimits:
    """The token limits under which the answer was written."""
    return answer.limits or REASONING_TOKENS[answer.reasoning]


def _identity(
    view: ViewName,
    text: str,
    reasoning: Reasoning,
    limits: TokenLimits,
    temperature: float,
    seed: int,
    switch_penalty: float,
) -> QuestionIdentity:
    """An answer without reasoning does not depend on sampling, and a greedy draft does not depend on the seed."""
    if reasoning is Reasoning.NONE:
        return view, text, reasoning, TokenLimits(), 0.0, 0, 0.0
    return view, text, reasoning, limits, temperature, seed if temperature > 0.0 else 0, switch_penalty


def recorded_answer(questions: Sequence[Question], answer: Answer, ms: float) -> RecordedAnswer:
    """Return the record of an answer to one of these questions, `ms` after they were asked."""
    question = questions[answer.index]
    return RecordedAnswer(
        view=question.view,
        sample=sum(before.view is question.view for before in questions[: answer.index]),
        question=question.text,
        p_ng=answer.p_ng,
        tokens=answer.tokens,
        ms=ms,
        text=answer.text,
        reasoning=question.reasoning,
        temperature=question.temperature,
        seed=question.seed,
        limits=question_limits(question),
        p_true=answer.p_true,
        readable=answer.readable,
        switch_penalty=question.switch_penalty,
    )
