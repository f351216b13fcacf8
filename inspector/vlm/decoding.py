"""What is asked of a prefix, step by step: verdicts read at once, drafts sampled up to their verdict, and words.

Every generator here yields after each forward, so that the worker can let something more urgent go first.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Final

from torch import Tensor

from inspector.pipeline import Reasoning
from inspector.ports import Answer, Text
from inspector.view import VERDICT_CUE, Question
from inspector.vlm.chat import Chat
from inspector.vlm.network import KeptPrefix, Network, Rows
from inspector.vlm.reading import draw, p_ng
from inspector.vlm.work import Steps

CUE_ROOM: Final = len(f" {VERDICT_CUE}")  # a tokenizer of bytes needs no more tokens than bytes
QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


class Draft:
    """One answer on its way: the text sampled so far."""

    def __init__(self, index: int, question: Question, chat: Chat) -> None:
        self.index, self.question = index, question
        self.tokens: list[int] = []
        self._chat = chat
        self._dice = random.Random(question.seed)
        self._forced: list[int] | None = None  # what is left of a cue that the model did not write itself

    @property
    def at_verdict(self) -> bool:
        if self.question.reasoning is Reasoning.NONE:
            return True
        return VERDICT_CUE in self.text if self._forced is None else not self._forced

    @property
    def text(self) -> str:
        return self._chat.text(self.tokens)

    def chance(self) -> float:
        """The row's next random number: its sequence depends on the question's seed only."""
        return self._dice.random()

    def take(self, drawn: int) -> None:
        """Appends the drawn token; where the text ends without its cue, the cue's tokens instead."""
        if self._forced is None and (drawn in self._chat.end_tokens or len(self.tokens) >= self.question.max_tokens):
            text = self.text
            self._forced = self._chat.encode(VERDICT_CUE if text[-1:].isspace() or not text else f" {VERDICT_CUE}")
        self.tokens.append(self._forced.pop(0) if self._forced else drawn)

    def answer(self, logits: Tensor) -> Answer:
        ng, ok = self._chat.spellings(self.question.ng_words), self._chat.spellings(self.question.ok_words)
        return Answer(self.index, p_ng(logits, ng, ok), len(self.tokens), self.text)


def answers(network: Network, chat: Chat, prefix: KeptPrefix, questions: Sequence[Question]) -> Steps[Answer]:
    """All questions in one batch: those without reasoning are answered by its first forward."""
    drafts = [Draft(index, question, chat) for index, question in enumerate(questions)]
    tokens = [chat.suffix(question.text) for question in questions]
    rows = Rows(prefix, len(drafts), max(map(len, tokens), default=0) + _room(questions))
    while drafts:
        logits = network.advance(rows, tokens)
        found = [draft.answer(logits[row]) for row, draft in enumerate(drafts) if draft.at_verdict]
        if found:
            left = [row for row, draft in enumerate(drafts) if not draft.at_verdict]
            drafts, logits = [drafts[row] for row in left], logits[left]
            rows.keep(left)
        tokens = _next(drafts, logits)
        yield found


def words(network: Network, chat: Chat, prefix: KeptPrefix, request: str, start: str, max_tokens: int) -> Steps[Text]:
    """Greedy text after `start`, up to the end of the turn or of the JSON object, whichever comes first."""
    step, tokens = chat.suffix(request, start), list[int]()
    rows = Rows(prefix, 1, len(step) + max_tokens)
    while len(tokens) < max_tokens and not closed(start + chat.text(tokens)):
        token = int(network.advance(rows, [step])[0].argmax())
        if token in chat.end_tokens:
            break
        tokens.append(token)
        step = [token]
        yield []
    yield [Text(start + chat.text(tokens), len(tokens))]


def closed(text: str) -> bool:
    """Whether the text holds a JSON object and all its braces are closed; braces inside strings don't count."""
    bare = QUOTED.sub("", text)
    return 0 < bare.count("{") <= bare.count("}")


def _next(drafts: Sequence[Draft], logits: Tensor) -> list[list[int]]:
    if drafts:
        temperatures = [draft.question.temperature for draft in drafts]
        for draft, token in zip(drafts, draw(logits, temperatures, [draft.chance() for draft in drafts]), strict=True):
            draft.take(token)
    return [draft.tokens[-1:] for draft in drafts]


def _room(questions: Sequence[Question]) -> int:
    """The most tokens that a row may need after its question."""
    drafted = [question.max_tokens + CUE_ROOM for question in questions if question.reasoning is not Reasoning.NONE]
    return max(drafted, default=0)
