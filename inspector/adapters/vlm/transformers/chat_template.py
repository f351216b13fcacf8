"""Renders prompts to tokens: the chat template around pictures, preamble and question.

The tokens are cut where the question begins, so that all questions of a part share what comes before. Knows the
tokenizer only.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from inspector.adapters.vlm.verdict import spellings
from inspector.domain.thoughts import CLOSED_THOUGHT, THOUGHT_BEGIN
from inspector.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEMPLATE_VERSION: Final = "chat/3"  # part of the fingerprint: increase it when the same words give other tokens
PLACEHOLDER: Final = "\x1a"  # stands for preamble and question; no declaration can contain a control character


class TemplateAffixes(NamedTuple):
    """What the template writes before the preamble (including pictures) and after the question."""

    head: str
    tail: str


class ChatTemplate:
    """The tokenizer and chat template of one checkpoint. Thread-safe."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, image_token: int, end_tokens: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._image_token = image_token
        self.end_tokens = end_tokens
        self._around = functools.cache(self._render)
        self.spellings = functools.cache(self._spell)
        self.reply = functools.cache(self._turned)
        self.first_tokens = functools.cache(self._first)

    def prefix(self, pictures: Sequence[int], preamble: str) -> list[int]:
        """Return the tokens up to the end of the preamble; the i-th picture takes `pictures[i]` tokens."""
        counts = iter(pictures)
        tokens: list[int] = []
        for token in self.encode(self._around(len(pictures)).head + preamble):
            tokens += [token] * next(counts) if token == self._image_token else [token]
        return tokens

    def suffix(self, question: str, start: str = "", *, thinks: bool = False) -> list[int]:
        """Return the tokens of the question, the end of the turn, and the required beginning of the answer.

        Where the template opens a thought, the thought is closed at once, unless the model `thinks` first.
        """
        return self.encode(question + self._around(1).tail + ("" if thinks else self._unthought) + start)

    @property
    def opens_thought(self) -> bool:
        """Whether the template lets an answer begin inside a thought, as those of Thinking checkpoints do."""
        return self._around(1).tail.rstrip().endswith(THOUGHT_BEGIN)

    @property
    def _unthought(self) -> str:
        return CLOSED_THOUGHT if self.opens_thought else ""

    def _turned(self, said: str, question: str) -> tuple[int, ...]:
        """Return the tokens of an answer's end, a further question, and the beginning of the next answer."""
        messages = [{"role": role, "content": [_text(PLACEHOLDER)]} for role in ("user", "assistant", "user")]
        pieces = self._rendered(messages).split(PLACEHOLDER)
        if len(pieces) != len(messages) + 1:
            raise ModelError("the chat template does not show what was said before; use the template of Qwen3-VL")
        *_, between, tail = pieces
        return (*self.encode(said), *self.encode(between + question + tail + self._unthought))

    def encode(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return tokens

    def text(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))

    def _spell(self, words: tuple[str, ...]) -> tuple[int, ...]:
        """Return the tokens that spell one of the words, with and without a leading space, in any usual case."""
        tokens = [self.encode(text) for text in sorted(spellings(words))]
        single = {token[0] for token in tokens if len(token) == 1}
        if not single:
            raise ModelError(f"the tokenizer has no single token for any of {words}; use a tokenizer with one")
        return tuple(sorted(single))

    def _first(self, words: tuple[str, ...]) -> tuple[int, ...]:
        """Return the tokens that begin one of the words, in any spelling."""
        return tuple(sorted({self.encode(text)[0] for text in spellings(words)}))

    def _render(self, pictures: int) -> TemplateAffixes:
        content = [*({"type": "image"} for _ in range(pictures)), _text(PLACEHOLDER)]
        head, place, tail = self._rendered([{"role": "user", "content": content}]).partition(PLACEHOLDER)
        if not place or self.encode(head).count(self._image_token) != pictures:
            raise ModelError("the chat template does not show text and pictures; use the template of Qwen3-VL")
        return TemplateAffixes(head, tail)

    def _rendered(self, messages: list[dict[str, Any]]) -> str:
        return str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def _text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}
