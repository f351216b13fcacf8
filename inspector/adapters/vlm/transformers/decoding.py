"""Decoders of single rows: an answer, read at its verdict after optional sampled reasoning, or a text.

Both hold in `next` the tokens that the row reads next, and know `most`, the number of tokens that it may read in all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final, NamedTuple

from torch import Tensor

from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.adapters.vlm.transformers.json_grammar import JsonConstraint, closing_text, mask_logits
from inspector.adapters.vlm.transformers.token_spellings import VerdictTokens, draw, read_verdicts
from inspector.adapters.vlm.verdict import (
    CUE,
    CUE_BEGINNING,
    Cue,
    Reading,
    begins_cue,
    find_cue,
    is_markup,
    leading_word,
)
from inspector.domain.declared import Reasoning
from inspector.domain.prompts import NO, P_TRUE_REQUEST, VERDICT_CUE, WAIT, YES, Question
from inspector.domain.thoughts import CLOSED_THOUGHT, SWITCH_WINDOW_TOKENS, SWITCH_WORDS, THOUGHT_END
from inspector.ports.engine import Answer, GeneratedText

MARKUP_MAX_TOKENS: Final = 2  # between the cue and the verdict, such as ` **`
CUE_MAX_TOKENS: Final = len(f" {VERDICT_CUE}")  # a byte tokenizer needs at most one token per byte
CUE_WINDOW_TOKENS: Final = CUE_MAX_TOKENS + len("**")  # of the text's end, where a decorated cue may stand
SENTENCE_START: Final = re.compile(r"[.!?\n]\s*\Z")
QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


class TokenPenalty(NamedTuple):
    """Tokens that are made less likely, and by how much."""

    tokens: Sequence[int]
    log_odds: float


class AnswerDecoder:
    """Decodes one answer: sampled text, extended where it would end too soon, followed by the verdict cue.

    After the verdict the model may be asked whether it is right.
    """

    allowed: Final = None  # every token may be sampled

    def __init__(self, index: int, question: Question, chat: ChatTemplate) -> None:
        self._index, self._question, self._chat = index, question, chat
        self._tokens = chat.encode(question.begin)
        self._begun = len(self._tokens)
        self._switches = frozenset(chat.first_tokens(SWITCH_WORDS) if question.switch_penalty else ())
        self._thought_tokens = 0  # since the present thought began
        self._end = ""  # the end of the text, where a cue may stand: decoding a long thought at every token costs time
        self._is_cut = False
        self._has_cue = False
        self._markup = 0  # tokens between the cue and the verdict
        self._answer: Answer | None = None  # the answer, while the model is asked whether it is right
        self._reasons = question.reasoning is not Reasoning.NONE
        self.words = VerdictTokens(chat.spellings(question.ng_words), chat.spellings(question.ok_words))
        self._is_thought_open = self._in_thought = self._reasons and chat.opens_thought
        self.next = chat.suffix(question.text, question.begin, thinks=self._in_thought)
        self.most = len(self.next) + self._thought_room + self._doubt_room
        self.temperature = question.temperature

    @property
    def at_verdict(self) -> bool:
        if not self._reasons or self._answer is not None:
            return True
        return self._is_cut or self._has_cue

    @property
    def penalty(self) -> TokenPenalty | None:
        """Return what makes another thought less likely now; None where nothing does: inside a sentence, or later."""
        if not self._may_switch or self._thought_tokens >= SWITCH_WINDOW_TOKENS:
            return None
        return TokenPenalty(sorted(self._switches), self._question.switch_penalty)

    @property
    def chance(self) -> float:
        """The random number for this position of this text, independent of when and with which rows it is drawn."""
        digest = blake2b(f"{self._question.seed}/{len(self._tokens)}".encode(), digest_size=6).digest()
        return int.from_bytes(digest) * 2.0**-48

    def take(self, drawn: int) -> None:
        """Append the drawn token, or the required words in its place, which one forward reads.

        The drawn token was not read yet, so dropping it costs nothing.
        """
        switches = self._may_switch and drawn in self._switches
        self._thought_tokens = 0 if switches else self._thought_tokens + 1
        self._end = self._chat.text([*self._tokens[-CUE_WINDOW_TOKENS:], drawn])
        self.next = self._instead(drawn)
        self._tokens += self.next
        if self.next != [drawn]:
            self._end = self._chat.text(self._tokens[-CUE_WINDOW_TOKENS:])
        self._is_thought_open = self._is_thought_open and THOUGHT_END not in self._end
        self._has_cue = CUE.search(self._end) is not None and self._find_cue() is not None

    def _find_cue(self) -> Cue | None:
        return find_cue(self._text, in_thought=self._in_thought)

    def skip(self, likeliest: int) -> bool:
        """Read on where the likeliest token only decorates a verdict; return whether it does."""
        may = self._reasons and self._answer is None and self._markup < MARKUP_MAX_TOKENS
        if not may or not is_markup(self._chat.text([likeliest])):
            return False
        self._markup += 1
        self._tokens.append(likeliest)
        self.next = [likeliest]
        return True

    def answer(self, reading: Reading) -> Answer | None:
        """Return the answer; None if the model must first say whether it is right."""
        if self._answer is not None:
            return replace(self._answer, p_true=reading.p_true)
        p_ng, readable = reading
        answer = Answer(self._index, p_ng, self._written, self._text, readable=readable)
        if p_ng is None or not self._question.asks_p_true:
            return answer
        self._answer = replace(answer, tokens=answer.tokens + 1)  # its verdict is now a token of the text
        self.next = self._doubt(leading_word(p_ng, self._question))
        self.words = VerdictTokens(self._chat.spellings(YES), self._chat.spellings(NO))
        return None

    def _instead(self, drawn: int) -> list[int]:
        """Return the drawn token, or words that extend a text that would end too soon, or the cue at its end."""
        left, ends = self._question.max_tokens - self._written, drawn in self._chat.end_tokens
        if left > 0 and self._written < self._question.min_tokens and (ends or self._would_end(drawn)):
            return self._spaced(WAIT)[:left]
        if left > 0 and not ends:
            return [drawn]
        self._is_cut = True
        if self._is_thought_open and THOUGHT_END not in self._end:
            return self._chat.encode(CLOSED_THOUGHT + VERDICT_CUE)
        return self._spaced(VERDICT_CUE)

    def _would_end(self, drawn: int) -> bool:
        """Return whether the drawn token ends the thought, or the text ends in a cue or its beginning.

        The whole text is decoded only where its end may be a cue.
        """
        if self._is_thought_open and THOUGHT_END in self._end:
            return True
        if CUE_BEGINNING.search(self._end) is None:
            return False
        return begins_cue(self._chat.text([*self._tokens, drawn]), in_thought=self._in_thought)

    def _spaced(self, words: str) -> list[int]:
        text = self._text
        return self._chat.encode(words if text[-1:].isspace() or not text else f" {words}")

    def _doubt(self, word: str) -> list[int]:
        """Return the tokens of the verdict and of the question whether it is right."""
        return [*self._chat.reply(f" {word}" if self._reasons else word, P_TRUE_REQUEST)]

    @property
    def _thought_room(self) -> int:
        if not self._reasons:
            return 0
        closing = len(CLOSED_THOUGHT) if self._in_thought else 0
        return self._question.max_tokens + closing + CUE_MAX_TOKENS + MARKUP_MAX_TOKENS

    @property
    def _doubt_room(self) -> int:
        if not self._question.asks_p_true:
            return 0
        return max(len(self._doubt(words[0])) for words in (self._question.ng_words, self._question.ok_words))

    @property
    def _may_switch(self) -> bool:
        return bool(self._switches) and SENTENCE_START.search(self._end) is not None

    @property
    def _written(self) -> int:
        """The number of tokens after the beginning that was given."""
        return len(self._tokens) - self._begun

    @property
    def _text(self) -> str:
        return self._chat.text(self._tokens)


class TextDecoder:
    """Decodes greedy text after `start`, to the end of the turn or of its JSON object.

    A text that follows a schema is closed before its limit, so that it can always be parsed.
    """

    temperature: Final = 0.0
    chance: Final = 0.0
    penalty: Final = None

    def __init__(
        self, request: str, start: str, max_tokens: int, chat: ChatTemplate, held: JsonConstraint | None = None
    ) -> None:
        self._start, self._max_tokens, self._chat = start, max_tokens, chat
        self._held = held
        self._cap = max_tokens - held.closing_room if held else max_tokens
        self._tokens: list[int] = []
        self.next = chat.suffix(request, start)
        self.most = len(self.next) + max_tokens

    @property
    def allowed(self) -> Tensor | None:
        """Return which tokens may come next; None for all."""
        return self._held.allowed() if self._held else None

    def take(self, drawn: int) -> GeneratedText | None:
        """Return the text once the drawn token or the limit completes it."""
        if drawn in self._chat.end_tokens or len(self._tokens) >= self._cap:
            return self._ended()
        self._tokens.append(drawn)
        self.next = [drawn]
        if self._held:
            self._held.take(drawn)
        is_complete = self._held.is_complete if self._held else is_closed_object(self._text)
        return self._ended() if is_complete or len(self._tokens) >= self._cap else None

    def _ended(self) -> GeneratedText:
        if self._held:
            self._tokens += self._chat.encode(closing_text(self._text))[: self._max_tokens - len(self._tokens)]
        return GeneratedText(self._text, len(self._tokens))

    @property
    def _text(self) -> str:
        return self._start + self._chat.text(self._tokens)


Voice = AnswerDecoder | TextDecoder


def take_tokens(decoders: Sequence[Voice], logits: Tensor, rows: Sequence[int]) -> list[Answer | GeneratedText | None]:
    """Draw the next token of each decoder from its row of logits [rows, vocabulary]; return finished results, None for
    others.

    No decoder changes before all tensors are computed: a failure up to then can be retried.
    """
    judged = {
        place: decoder
        for place, decoder in enumerate(decoders)
        if isinstance(decoder, AnswerDecoder) and decoder.at_verdict
    }
    spoken = {place: decoder for place, decoder in enumerate(decoders) if place not in judged}
    found: list[Answer | GeneratedText | None] = [None] * len(decoders)
    readings = _readings([*judged.values()], logits[[rows[place] for place in judged]]) if judged else []
    tokens = _drawn([*spoken.values()], logits[[rows[place] for place in spoken]]) if spoken else []
    likeliest = logits.argmax(dim=-1).tolist() if judged else []
    for (place, decoder), reading in zip(judged.items(), readings, strict=True):
        found[place] = None if decoder.skip(likeliest[rows[place]]) else decoder.answer(reading)
    for (place, speaker), token in zip(spoken.items(), tokens, strict=True):
        found[place] = speaker.take(token)
    return found


def is_closed_object(text: str) -> bool:
    """Return whether the text holds a JSON object with all braces closed. Braces inside strings do not count."""
    bare = QUOTED.sub("", text)
    return 0 < bare.count("{") <= bare.count("}")


def _readings(decoders: Sequence[AnswerDecoder], logits: Tensor) -> list[Reading]:
    return read_verdicts(logits, [decoder.words for decoder in decoders])


def _drawn(decoders: Sequence[Voice], logits: Tensor) -> list[int]:
    possible = mask_logits(logits, [decoder.allowed for decoder in decoders])
    for row, decoder in enumerate(decoders):
        if penalty := decoder.penalty:
            possible[row, penalty.tokens] -= penalty.log_odds
    return draw(possible, [decoder.temperature for decoder in decoders], [decoder.chance for decoder in decoders])
