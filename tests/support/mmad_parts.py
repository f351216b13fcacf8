"""Multiple-choice questions, and an engine with scripted beliefs."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inspector.domain.declared import Reasoning
from inspector.domain.prompts import NO, VERDICT_CUE, Question
from inspector.domain.report import WHOLE_FRAME, Box, JsonSchema
from inspector.errors import ModelError
from inspector.lab.evaluation.mmad.items import DataSet, Item, Task
from inspector.lab.evaluation.mmad.letter_votes import AnswerKind, LetterVote
from inspector.ports.engine import Answer, GeneratedText, PatchMap, Picture, Prefix

Beliefs = Mapping[str, float]  # how likely each word is as the next one, of all words

ITEM = Item(
    picture="VisA/candle/test/bad/000.JPG",
    templates=("VisA/candle/test/good/007.JPG",),
    number=0,
    data_set=DataSet.VISA,
    task=Task.ANOMALY_DETECTION,
    question="Is there any defect in the object?",
    options=("No.", "Yes."),
    answer="B",
)


def an_item(**changes: Any) -> Item:
    return replace(ITEM, **changes)


def drafts(*letters: str | None, p_true: Sequence[float | None] = ()) -> list[LetterVote]:
    """Drafted votes for these letters; None is an unreadable vote."""
    trusts = [*p_true, *[None] * len(letters)]
    return [
        LetterVote(question="q", kind=AnswerKind.DRAFTED, number=number, text=letter or "hm", p_true=trust)
        for number, (letter, trust) in enumerate(zip(letters, trusts, strict=False))
    ]


@dataclass
class LetterPrefix:
    tokens: int = 1
    window: Box = WHOLE_FRAME
    scale: float = 1.0


class LetterEngine:
    """`ports.Engine` with beliefs by question. A draft's letter is drawn from them by its seed. `says` is the text that
    it writes if asked for the letter directly."""

    def __init__(
        self,
        beliefs: Callable[[str], Beliefs],
        says: str = "B",
        p_true: Callable[[str], float | None] = lambda text: 0.8,
        fingerprint: str = "0123456789abcdef",
    ) -> None:
        self.fingerprint = fingerprint
        self.opened: list[tuple[bytes, ...]] = []
        self.asked: list[Question] = []
        self.closed = 0
        self._beliefs, self._says, self._p_true = beliefs, says, p_true

    async def open(self, pictures: Sequence[Picture], preamble: str) -> LetterPrefix:
        self.opened.append(tuple(picture.data for picture in pictures))
        return LetterPrefix()

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        self.asked += questions
        for index, question in sorted(enumerate(questions), key=lambda each: -each[0]):
            yield self._answer(index, question)

    async def write(
        self,
        prefix: Prefix,
        request: str,
        *,
        start: str,
        max_tokens: int,
        schema: JsonSchema | None = None,
        urgent: bool = False,
    ) -> GeneratedText:
        if not start:
            return GeneratedText(self._says, 2)
        beliefs = self._beliefs(request)
        (letter,) = random.Random(start).choices(list(beliefs), list(beliefs.values()))
        return GeneratedText(f"{start} {letter}.", 2)

    async def features(self, prefix: Prefix) -> PatchMap:
        raise ModelError("letters have no patches")

    async def close(self, prefix: Prefix) -> None:
        self.closed += 1

    def _answer(self, index: int, question: Question) -> Answer:
        if question.ng_words == NO:
            trust = self._p_true(question.text)
            return Answer(index, None if trust is None else 1.0 - trust, 0, "")
        if question.reasoning is Reasoning.DRAFT:
            return Answer(index, 0.5, 7, f"thought {question.seed}. {VERDICT_CUE}")
        beliefs = self._beliefs(question.text)
        ng, ok = (sum(beliefs.get(word, 0.0) for word in words) for words in (question.ng_words, question.ok_words))
        return Answer(index, ng / (ng + ok) if max(ng, ok) >= 0.05 else None, 0, "")
