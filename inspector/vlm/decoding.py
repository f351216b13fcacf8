"""What a row of the batch is up to: an answer, read at its verdict after whatever it sampled before, or a text.

Both keep in `next` the tokens that the row reads next, and know the `most` tokens that it may read in all.
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
from inspector.vlm.grammar import Held, closing, masked
from inspector.vlm.reading import Spelled, draw, p_ng

CUE_ROOM: Final = len(f" {VERDICT_CUE}")  # a tokenizer of bytes needs no more tokens than bytes
QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


class Draft:
    """An answer on its way: the text sampled so far, made to give its cue where it does not come to one."""

    allowed: Final = None  # anything may be sampled

    def __init__(self, index: int, question: Question, chat: Chat) -> None:
        self._index, self._question, self._chat = index, question, chat
        self._tokens: list[int] = []
        self._forced: list[int] | None = None  # what is left of a cue that the model did not write itself
        self._reasons = question.reasoning is not Reasoning.NONE
        self.words = Spelled(chat.spellings(question.ng_words), chat.spellings(question.ok_words))
        self.next = chat.suffix(question.text)
        self.most = len(self.next) + (question.max_tokens + CUE_ROOM if self._reasons else 0)
        self.temperature = question.temperature

    @property
    def at_verdict(self) -> bool:
        if not self._reasons:
            return True
        return VERDICT_CUE in self._text if self._forced is None else not self._forced

    @property
    def chance(self) -> float:
        """The random number for this place in this text, whenever and beside whomever it is drawn."""
        return random.Random(f"{self._question.seed}/{len(self._tokens)}").random()

    def take(self, drawn: int) -> None:
        """Appends the drawn token; where the text ends without its cue, the cue's tokens instead."""
        if self._forced is None and (drawn in self._chat.end_tokens or len(self._tokens) >= self._question.max_tokens):
            text = self._text
            self._forced = self._chat.encode(VERDICT_CUE if text[-1:].isspace() or not text else f" {VERDICT_CUE}")
        self._tokens.append(self._forced.pop(0) if self._forced else drawn)
        self.next = self._tokens[-1:]

    def answer(self, share: float | None) -> Answer:
        return Answer(self._index, share, len(self._tokens), self._text)

    @property
    def _text(self) -> str:
        return self._chat.text(self._tokens)


class Script:
    """Greedy text after `start`, up to the end of the turn or of its JSON object. One that is held to a schema is
    closed before its cap, so that it can always be parsed."""

    temperature: Final = 0.0
    chance: Final = 0.0

    def __init__(self, request: str, start: str, max_tokens: int, chat: Chat, held: Held | None = None) -> None:
        self._start, self._max_tokens, self._chat = start, max_tokens, chat
        self._held = held
        self._cap = max_tokens - held.closing_room if held else max_tokens
        self._tokens: list[int] = []
        self.next = chat.suffix(request, start)
        self.most = len(self.next) + max_tokens

    @property
    def allowed(self) -> Tensor | None:
        """Which tokens may come next; None for all."""
        return self._held.allowed() if self._held else None

    def take(self, drawn: int) -> Text | None:
        """The text, once the drawn token or the cap completes it."""
        if drawn in self._chat.end_tokens or len(self._tokens) >= self._cap:
            return self._ended()
        self._tokens.append(drawn)
        self.next = [drawn]
        if self._held:
            self._held.take(drawn)
        is_complete = self._held.is_complete if self._held else closed(self._text)
        return self._ended() if is_complete or len(self._tokens) >= self._cap else None

    def _ended(self) -> Text:
        if self._held:
            self._tokens += self._chat.encode(closing(self._text))[: self._max_tokens - len(self._tokens)]
        return Text(self._text, len(self._tokens))

    @property
    def _text(self) -> str:
        return self._start + self._chat.text(self._tokens)


Voice = Draft | Script


def hear(voices: Sequence[Voice], logits: Tensor, rows: Sequence[int]) -> list[Answer | Text | None]:
    """What each voice says after its row of these logits [rows, vocabulary]: its result, or None where it goes on. No
    voice hears anything before all tensors are worked out: what fails until then can be tried again."""
    judged = {place: voice for place, voice in enumerate(voices) if isinstance(voice, Draft) and voice.at_verdict}
    spoken = {place: voice for place, voice in enumerate(voices) if place not in judged}
    found: list[Answer | Text | None] = [None] * len(voices)
    shares = _shares([*judged.values()], logits[[rows[place] for place in judged]]) if judged else []
    tokens = _drawn([*spoken.values()], logits[[rows[place] for place in spoken]]) if spoken else []
    for (place, voice), share in zip(judged.items(), shares, strict=True):
        found[place] = voice.answer(share)
    for (place, speaker), token in zip(spoken.items(), tokens, strict=True):
        found[place] = speaker.take(token)
    return found


def closed(text: str) -> bool:
    """Whether the text holds a JSON object and all its braces are closed; braces inside strings don't count."""
    bare = QUOTED.sub("", text)
    return 0 < bare.count("{") <= bare.count("}")


def _shares(voices: Sequence[Draft], logits: Tensor) -> list[float | None]:
    return p_ng(logits, [voice.words for voice in voices])


def _drawn(voices: Sequence[Voice], logits: Tensor) -> list[int]:
    possible = masked(logits, [voice.allowed for voice in voices])
    return draw(possible, [voice.temperature for voice in voices], [voice.chance for voice in voices])
