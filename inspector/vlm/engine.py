"""`ports.Engine` on transformers: pictures and preamble once, every question and every word from there.

Pictures are prepared in the event loop's worker threads; all forwards run in the engine's one thread.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

import torch

from inspector.errors import ModelError
from inspector.model_card import ModelCard
from inspector.ports import Answer, Picture, Prefix, Text
from inspector.view import Question
from inspector.vlm.chat import Chat
from inspector.vlm.checkpoint import Checkpoint, find, load_checkpoint
from inspector.vlm.decoding import answers, words
from inspector.vlm.fingerprint import fingerprint
from inspector.vlm.network import KeptPrefix, Network
from inspector.vlm.pictures import Optics, Patches
from inspector.vlm.work import Steps, Turn, Worker


class TransformersEngine:
    """One Qwen3-VL on one device."""

    def __init__(self, card: ModelCard, checkpoint: Checkpoint, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self._optics = Optics(checkpoint.processor, card)
        self._chat = Chat(checkpoint.tokenizer, checkpoint.model.config.image_token_id, checkpoint.end_tokens)
        self._network = Network(checkpoint.model)
        self._worker = Worker(f"model {card.name}")
        self._open: weakref.WeakSet[KeptPrefix] = weakref.WeakSet()

    @classmethod
    def load(cls, card: ModelCard, folder: Path, threads: int | None = None) -> TransformersEngine:
        """Raises ModelError, with the remedy, when the checkpoint can't be loaded as the card asks."""
        if threads is not None:
            torch.set_num_threads(threads)
        path = find(card, folder)
        return cls(card, load_checkpoint(card, path), fingerprint(card, path))

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def open_prefixes(self) -> int:
        """How many prefixes hold memory."""
        return len(self._open)

    async def open(self, pictures: Sequence[Picture], preamble: str) -> KeptPrefix:
        patches = await asyncio.to_thread(self._optics.patches, pictures)
        prefix = await self._worker.run(Turn.VERDICT, self._opened(patches, preamble))
        self._open.add(prefix)
        return prefix

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        steps = answers(self._network, self._chat, _own(prefix), questions)
        async with aclosing(self._worker.stream(Turn.VERDICT, steps)) as found:
            async for answer in found:
                yield answer

    async def write(self, prefix: Prefix, request: str, *, start: str, max_tokens: int, urgent: bool = False) -> Text:
        steps = words(self._network, self._chat, _own(prefix), request, start, max_tokens)
        return await self._worker.run(Turn.VERDICT if urgent else Turn.WORDS, steps)

    async def close(self, prefix: Prefix) -> None:
        kept = _own(prefix)
        kept.layers = None
        self._open.discard(kept)

    def _opened(self, patches: Patches, preamble: str) -> Steps[KeptPrefix]:
        yield [self._network.prefill(self._chat.prefix(patches.tokens, preamble), patches)]


def _own(prefix: Prefix) -> KeptPrefix:
    if not isinstance(prefix, KeptPrefix):
        raise ModelError(f"{type(prefix).__name__} was opened by another engine")
    return prefix
