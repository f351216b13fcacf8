"""`ports.Engine` on transformers: pictures and preamble once, every question and every word from there.

Pictures and prompts are prepared in threads of one core each; all forwards run in the engine's one thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from inspector.adapters.vlm.fingerprint import fingerprint
from inspector.adapters.vlm.transformers.chat_template import Chat
from inspector.adapters.vlm.transformers.checkpoint import Checkpoint, find, load_checkpoint
from inspector.adapters.vlm.transformers.decoding import Draft, Script
from inspector.adapters.vlm.transformers.images import Optics, Patches
from inspector.adapters.vlm.transformers.json_grammar import Grammar
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix
from inspector.adapters.vlm.transformers.memory_budget import Memory, key_value_bytes
from inspector.adapters.vlm.transformers.model_forward import Network
from inspector.adapters.vlm.transformers.optimize import optimize
from inspector.adapters.vlm.transformers.requests import Bundle, Opening
from inspector.adapters.vlm.transformers.scheduler import Batch
from inspector.adapters.vlm.transformers.threads import apart, compute_on, numpy_on_one_core, on_one_core
from inspector.adapters.vlm.transformers.worker import Inquiry, Turn, Worker
from inspector.domain.model_card import ModelCard
from inspector.domain.prompts import Question
from inspector.domain.report import JsonSchema
from inspector.errors import ModelError
from inspector.ports.engine import Answer, GeneratedText, PatchMap, Picture, Prefix

Result = TypeVar("Result")


class TransformersEngine:
    """One Qwen3-VL on one device. `network` and `optics` are the checkpoint's, unless somebody wants to watch them.
    `threads`: how many cores compute; as many as in the calling thread, where it is None."""

    def __init__(
        self,
        card: ModelCard,
        checkpoint: Checkpoint,
        fingerprint: str,
        network: Network | None = None,
        optics: Optics | None = None,
        threads: int | None = None,
    ) -> None:
        threads = threads or torch.get_num_threads()
        network = network or Network(checkpoint.model)
        vocabulary = checkpoint.model.config.text_config.vocab_size
        self._fingerprint = fingerprint
        self._optics = optics or Optics(checkpoint.processor, card)
        self._chat = Chat(checkpoint.tokenizer, checkpoint.model.config.image_token_id, checkpoint.end_tokens)
        self._grammar = Grammar(checkpoint.tokenizer, vocabulary, self._chat)
        self._memory = Memory(key_value_bytes(card, checkpoint.model) // network.token_bytes, network.token_bytes)
        numpy_on_one_core()
        self._preparing = on_one_core(threads)
        prepare = partial(compute_on, threads)
        self._worker = Worker(f"model {card.name}", Batch(network, self._memory), prepare)

    @classmethod
    def load(cls, card: ModelCard, folder: Path, threads: int | None = None) -> TransformersEngine:
        """Raises ModelError, with the remedy, when the checkpoint can't be loaded as the card asks."""
        path, threads = find(card, folder), threads or torch.get_num_threads()
        return cls(
            card,
            apart(partial(ready, partial(load_checkpoint, card, path), card), threads),
            fingerprint(card, path),
            threads=threads,
        )

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def open_prefixes(self) -> int:
        """How many prefixes hold memory."""
        return self._memory.open_prefixes

    async def open(self, pictures: Sequence[Picture], preamble: str) -> KeptPrefix:
        tokens, patches = await self._apart(partial(self._prepared, pictures, preamble))
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
    ) -> GeneratedText:
        held = self._grammar.hold(start, schema) if schema is not None else None
        script = Script(request, start, max_tokens, self._chat, held)
        inquiry = Inquiry[GeneratedText]()
        self._worker.put(Bundle.of(Turn.VERDICT if urgent else Turn.WORDS, _own(prefix), [script], inquiry))
        return await inquiry.result()

    async def features(self, prefix: Prefix) -> PatchMap:
        seen = _own(prefix).seen()
        return await self._apart(lambda: seen.float().cpu().numpy())

    async def close(self, prefix: Prefix) -> None:
        _own(prefix).close()

    async def _apart(self, compute: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._preparing, compute)

    def _prepared(self, pictures: Sequence[Picture], preamble: str) -> tuple[list[int], Patches]:
        patches = self._optics.patches(pictures)
        return self._chat.prefix(patches.tokens, preamble), patches


def ready(make: Callable[[], Checkpoint], card: ModelCard) -> Checkpoint:
    """A checkpoint that was just made, ready for inference."""
    checkpoint = make()
    optimize(checkpoint.model, card)
    return checkpoint


def _own(prefix: Prefix) -> KeptPrefix:
    if not isinstance(prefix, KeptPrefix):
        raise ModelError(f"{type(prefix).__name__} was opened by another engine")
    return prefix
