"""What a row of the batch is up to: an answer, read at its verdict after whatever it sampled before, or a text.

Both keep in `next` the tokens that the row reads next, and know the `most` tokens that it may read in all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from torch import Tensor

from inspector.adapters.vlm.transformers.chat_template import Chat
from inspector.adapters.vlm.transformers.json_grammar import Held, closing, masked
from inspector.adapters.vlm.transformers.token_spellings import Spelled, draw, p_ng
from inspector.adapters.vlm.verdict import begins_cue, leading_word
from inspector.domain.declared import Reasoning
from inspector.domain.prompts import NO, P_TRUE_REQUEST, VERDICT_CUE, WAIT, YES, Question
from inspector.ports.engine import Answer, GeneratedText

CUE_ROOM: Final = len(f" {VERDICT_CUE}")  # a tokenizer of bytes needs no more tokens than bytes
QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


class Draft:
    """An answer on its way: the text sampled so far, kept going where it would end too soon, and made to give its cue
    where it does not come to one. After its verdict it may be asked whether that is right."""

    allowed: Final = None  # anything may be sampled

    def __init__(self, index: int, question: Question, chat: Chat) -> None:
        self._index, self._question, self._chat = index, question, chat
        self._tokens: list[int] = []
        self._end = ""  # where a cue would stand: not all of a long thought is spelled out at every token
        self._is_cut = False
        self._told: Answer | None = None  # what it came to, while it is asked whether that is right
        self._reasons = question.reasoning is not Reasoning.NONE
        self.words = Spelled(chat.spellings(question.ng_words), chat.spellings(question.ok_words))
        self.next = chat.suffix(question.text)
        self.most = len(self.next) + (question.max_tokens + CUE_ROOM if self._reasons else 0) + self._doubt_room
        self.temperature = question.temperature

    @property
    def at_verdict(self) -> bool:
        if not self._reasons or self._told is not None:
            return True
        return self._is_cut or VERDICT_CUE in self._end

    @property
    def chance(self) -> float:
        """The random number for this place in this text, whenever and beside whomever it is drawn."""
        digest = blake2b(f"{self._question.seed}/{len(self._tokens)}".encode(), digest_size=6).digest()
        return int.from_bytes(digest) * 2.0**-48

    def take(self, drawn: int) -> None:
        """Appends the drawn token, or the words that have to stand in its place, which are read in one forward: it was
        not read yet, so dropping it is free."""
        self._end = self._chat.text([*self._tokens[-CUE_ROOM:], drawn])
        self.next = self._instead(drawn)
        self._tokens += self.next
        if self.next != [drawn]:
            self._end = self._chat.text(self._tokens[-CUE_ROOM:])

    def answer(self, share: float | None) -> Answer | None:
        """What it came to; None where it is to say first whether that is right."""
        if self._told is not None:
            return replace(self._told, p_true=share)
        told = Answer(self._index, share, len(self._tokens), self._text)
        if share is None or not self._question.asks_p_true:
            return told
        self._told = replace(told, tokens=told.tokens + 1)  # its verdict is a token of the text now
        self.next = self._doubt(leading_word(share, self._question))
        self.words = Spelled(self._chat.spellings(YES), self._chat.spellings(NO))
        return None

    def _instead(self, drawn: int) -> list[int]:
        """The drawn token; where it would end the text too soon, words that keep it going; at its end the cue."""
        left, ends = self._question.max_tokens - len(self._tokens), drawn in self._chat.end_tokens
        if left > 0 and len(self._tokens) < self._question.min_tokens and (ends or begins_cue(self._end)):
            return self._spaced(WAIT)[:left]
        if left > 0 and not ends:
            return [drawn]
        self._is_cut = True
        return self._spaced(VERDICT_CUE)

    def _spaced(self, words: str) -> list[int]:
        text = self._text
        return self._chat.encode(words if text[-1:].isspace() or not text else f" {words}")

    def _doubt(self, word: str) -> list[int]:
        """The verdict, and the question whether that is right."""
        return [*self._chat.reply(f" {word}" if self._reasons else word, P_TRUE_REQUEST)]

    @property
    def _doubt_room(self) -> int:
        if not self._question.asks_p_true:
            return 0
        return max(len(self._doubt(words[0])) for words in (self._question.ng_words, self._question.ok_words))

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

    def take(self, drawn: int) -> GeneratedText | None:
        """The text, once the drawn token or the cap completes it."""
        if drawn in self._chat.end_tokens or len(self._tokens) >= self._cap:
            return self._ended()
        self._tokens.append(drawn)
        self.next = [drawn]
        if self._held:
            self._held.take(drawn)
        is_complete = self._held.is_complete if self._held else closed(self._text)
        return self._ended() if is_complete or len(self._tokens) >= self._cap else None

    def _ended(self) -> GeneratedText:
        if self._held:
            self._tokens += self._chat.encode(closing(self._text))[: self._max_tokens - len(self._tokens)]
        return GeneratedText(self._text, len(self._tokens))

    @property
    def _text(self) -> str:
        return self._start + self._chat.text(self._tokens)


Voice = Draft | Script


def hear(voices: Sequence[Voice], logits: Tensor, rows: Sequence[int]) -> list[Answer | GeneratedText | None]:
    """What each voice says after its row of these logits [rows, vocabulary]: its result, or None where it goes on. No
    voice hears anything before all tensors are worked out: what fails until then can be tried again."""
    judged = {place: voice for place, voice in enumerate(voices) if isinstance(voice, Draft) and voice.at_verdict}
    spoken = {place: voice for place, voice in enumerate(voices) if place not in judged}
    found: list[Answer | GeneratedText | None] = [None] * len(voices)
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
