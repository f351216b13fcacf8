"""`ports.Engine` on transformers: pictures and preamble once, every question and every word from there.

Pictures and prompts are prepared in the event loop's worker threads; all forwards run in the engine's one thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

import torch

from inspector.errors import ModelError
from inspector.model_card import ModelCard
from inspector.patches import PatchMap
from inspector.ports import Answer, Picture, Prefix, Text
from inspector.report import JsonSchema
from inspector.view import Question
from inspector.vlm.batch import Batch
from inspector.vlm.bundle import Bundle, Opening
from inspector.vlm.chat import Chat
from inspector.vlm.checkpoint import Checkpoint, find, load_checkpoint
from inspector.vlm.decoding import Draft, Script
from inspector.vlm.fingerprint import fingerprint
from inspector.vlm.grammar import Grammar
from inspector.vlm.memory import Memory, key_value_bytes
from inspector.vlm.network import Network
from inspector.vlm.packing import pack
from inspector.vlm.pictures import Optics, Patches
from inspector.vlm.rows import KeptPrefix
from inspector.vlm.work import Inquiry, Turn, Worker


class TransformersEngine:
    """One Qwen3-VL on one device. `network` is the checkpoint's, unless a test wants to watch it."""

    def __init__(
        self, card: ModelCard, checkpoint: Checkpoint, fingerprint: str, network: Network | None = None
    ) -> None:
        network = network or Network(checkpoint.model)
        vocabulary = checkpoint.model.config.text_config.vocab_size
        self._fingerprint = fingerprint
        self._optics = Optics(checkpoint.processor, card)
        self._chat = Chat(checkpoint.tokenizer, checkpoint.model.config.image_token_id, checkpoint.end_tokens)
        self._grammar = Grammar(checkpoint.tokenizer, vocabulary, self._chat)
        self._memory = Memory(key_value_bytes(card, checkpoint.model) // network.token_bytes, network.token_bytes)
        self._worker = Worker(f"model {card.name}", Batch(network, self._memory))

    @classmethod
    def load(cls, card: ModelCard, folder: Path, threads: int | None = None) -> TransformersEngine:
        """Raises ModelError, with the remedy, when the checkpoint can't be loaded as the card asks."""
        if threads is not None:
            torch.set_num_threads(threads)
        path = find(card, folder)
        checkpoint = load_checkpoint(card, path)
        pack(checkpoint.model)
        return cls(card, checkpoint, fingerprint(card, path))

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def open_prefixes(self) -> int:
        """How many prefixes hold memory."""
        return self._memory.open_prefixes

    async def open(self, pictures: Sequence[Picture], preamble: str) -> KeptPrefix:
        tokens, patches = await asyncio.to_thread(self._prepared, pictures, preamble)
        inquiry = Inquiry[KeptPrefix]()
        self._worker.put(Opening(tokens, patches, inquiry))
        return await inquiry.result()

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        drafts = [Draft(index, question, self._chat) for index, question in enumerate(questions)]
        inquiry = Inquiry[Answer]()
        if drafts:
            self._worker.put(Bundle.of(Turn.VERDICT, _own(prefix), drafts, inquiry))
        async with aclosing(inquiry.results(len(drafts))) as answers:
            async for answer in answers:
                yield answer

    async def write(
        self,
        prefix: Prefix,
        request: str,
        *,
        start: str,
        max_tokens: int,
        schema: JsonSchema | None = None,
        urgent: bool = False,
    ) -> Text:
        held = self._grammar.hold(start, schema) if schema is not None else None
        script = Script(request, start, max_tokens, self._chat, held)
        inquiry = Inquiry[Text]()
        self._worker.put(Bundle.of(Turn.VERDICT if urgent else Turn.WORDS, _own(prefix), [script], inquiry))
        return await inquiry.result()

    async def features(self, prefix: Prefix) -> PatchMap:
        seen = _own(prefix).seen()
        return await asyncio.to_thread(lambda: seen.float().cpu().numpy())

    async def close(self, prefix: Prefix) -> None:
        _own(prefix).close()

    def _prepared(self, pictures: Sequence[Picture], preamble: str) -> tuple[list[int], Patches]:
        patches = self._optics.patches(pictures)
        return self._chat.prefix(patches.tokens, preamble), patches


def _own(prefix: Prefix) -> KeptPrefix:
    if not isinstance(prefix, KeptPrefix):
        raise ModelError(f"{type(prefix).__name__} was opened by another engine")
    return prefix
