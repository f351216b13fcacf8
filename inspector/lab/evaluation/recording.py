"""What a model said about one part: every answer to a whole menu of questions, and what each batch cost. Pure.

A recording holds answers, not votes, so that any ladder and any stopping rule can be played on it without a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.pipeline import REASONING_TOKENS, TokenLimits
from inspector.domain.prompts import Pictures, Question
from inspector.domain.report import Box
from inspector.ports.engine import GeneratedText


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """One answer. `sample` is its number among those of its view in the batch; `ms` runs from asking the batch.
    `limits` are None where they were the reasoning's own, which older recordings do not tell."""

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


@dataclass(frozen=True, slots=True)
class AnswerBatch:
    """Questions asked at once, with their answers as they came. `ms`: until the last one."""

    pictures: Pictures
    ms: float
    answers: Annotated[tuple[RecordedAnswer, ...], Field(alias="said")]


@dataclass(frozen=True, slots=True)
class PictureEncoding:
    """Pictures encoded."""

    pictures: Pictures
    ms: float


@dataclass(frozen=True, slots=True)
class NamedSuspect:
    """What the model wrote when it was to point at the most suspicious region."""

    answer: Annotated[GeneratedText, Field(alias="said")]
    ms: float


@dataclass(frozen=True, slots=True)
class RecordedOpinion:
    """What the golden samples' patches said, and after how long; and what was said to the questions about a detail when
    they pointed at it instead of the model. `look` is that detail encoded."""

    p_ng: float
    suspect: Box
    ms: float
    encoding: Annotated[PictureEncoding, Field(alias="look")]
    batches: tuple[AnswerBatch, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """One part. `sha256` is the picture's, `golden` those of its golden samples; `fingerprint` is that of everything
    that gave the answers, `model` that of the model alone; `seed` chose the wordings. `compared` is None where the part
    has no golden samples, or the engine shows no patches."""

    name: str
    sha256: str
    model: str
    golden: tuple[str, ...]
    fingerprint: str
    seed: int
    encodings: Annotated[tuple[PictureEncoding, ...], Field(alias="looks")]
    locate_suspect: Annotated[NamedSuspect, Field(alias="pointed")]
    batches: tuple[AnswerBatch, ...]
    second_opinion: Annotated[RecordedOpinion | None, Field(alias="compared")] = None

    @property
    def key(self) -> tuple[str, str]:
        return self.sha256, self.fingerprint


QuestionIdentity = tuple[ViewName, str, Reasoning, TokenLimits, float, int]


def question_identity(question: Question) -> QuestionIdentity:
    """What makes two questions the same."""
    asked, limits = question, question_limits(question)
    return _identity(asked.view, asked.text, asked.reasoning, limits, asked.temperature, asked.seed)


def answer_identity(said: RecordedAnswer) -> QuestionIdentity:
    """The question that this answers."""
    return _identity(said.view, said.question, said.reasoning, answer_limits(said), said.temperature, said.seed)


def question_limits(question: Question) -> TokenLimits:
    return TokenLimits(question.min_tokens, question.max_tokens)


def answer_limits(said: RecordedAnswer) -> TokenLimits:
    """The limits that this was written within."""
    return said.limits or REASONING_TOKENS[said.reasoning]


def _identity(
    view: ViewName, text: str, reasoning: Reasoning, limits: TokenLimits, temperature: float, seed: int
) -> QuestionIdentity:
    """An answer read at once depends on no dice, a greedy draft on no seed."""
    if reasoning is Reasoning.NONE:
        return view, text, reasoning, TokenLimits(), 0.0, 0
    return view, text, reasoning, limits, temperature, seed if temperature > 0.0 else 0
