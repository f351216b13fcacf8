"""`ports.Engine` on transformers: pictures and preamble are encoded once, every question and text continues from there.

Threads of one core each prepare pictures and prompts; one thread runs all forwards.
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
from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.adapters.vlm.transformers.checkpoint import Checkpoint, find_checkpoint, load_checkpoint
from inspector.adapters.vlm.transformers.decoding import AnswerDecoder, TextDecoder
from inspector.adapters.vlm.transformers.images import ImagePreparer, PatchBatch
from inspector.adapters.vlm.transformers.json_grammar import JsonGrammars
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix
from inspector.adapters.vlm.transformers.memory_budget import MemoryBudget, key_value_bytes
from inspector.adapters.vlm.transformers.model_forward import VisionLanguageModel
from inspector.adapters.vlm.transformers.optimize import graph_cache, optimize
from inspector.adapters.vlm.transformers.requests import PrefixRequest, SequenceGroup
from inspector.adapters.vlm.transformers.scheduler import Scheduler
from inspector.adapters.vlm.transformers.threads import (
    limit_numpy_to_one_core,
    run_in_own_thread,
    set_compute_threads,
    single_core_executor,
)
from inspector.adapters.vlm.transformers.worker import PendingResults, Priority, Worker
from inspector.domain.model_card import ModelCard
from inspector.domain.prompts import Question
from inspector.domain.report import JsonSchema
from inspector.errors import ModelError
from inspector.ports.engine import Answer, GeneratedText, PatchMap, Picture, Prefix

Result = TypeVar("Result")


class TransformersEngine:
    """One Qwen3-VL on one device.

    `network` and `images` default to the checkpoint's; tests pass others. `threads` is the number of cores that
    compute; None: as many as in the calling thread.
    """

    def __init__(
        self,
        card: ModelCard,
        checkpoint: Checkpoint,
        fingerprint: str,
        network: VisionLanguageModel | None = None,
        images: ImagePreparer | None = None,
        threads: int | None = None,
    ) -> None:
        threads = threads or torch.get_num_threads()
        network = network or VisionLanguageModel(checkpoint.model, graphs=graph_cache(checkpoint.model, card))
        vocabulary = checkpoint.model.config.text_config.vocab_size
        self._fingerprint = fingerprint
        self._images = images or ImagePreparer(checkpoint.processor, card)
        self._chat = ChatTemplate(checkpoint.tokenizer, checkpoint.model.config.image_token_id, checkpoint.end_tokens)
        self._grammar = JsonGrammars(checkpoint.tokenizer, vocabulary, self._chat)
        self._memory = MemoryBudget(key_value_bytes(card, checkpoint.model) // network.token_bytes, network.token_bytes)
        limit_numpy_to_one_core()
        self._preparing = single_core_executor(threads)
        prepare = partial(set_compute_threads, threads)
        self._worker = Worker(f"model {card.name}", Scheduler(network, self._memory), prepare)

    @classmethod
    def load(cls, card: ModelCard, folder: Path, threads: int | None = None) -> TransformersEngine:
        """Load the checkpoint as the card asks. Raises ModelError with the remedy."""
        path, threads = find_checkpoint(card, folder), threads or torch.get_num_threads()
        return cls(
            card,
            run_in_own_thread(partial(prepare_checkpoint, partial(load_checkpoint, card, path), card), threads),
            fingerprint(card, path),
            threads=threads,
        )

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def open_prefixes(self) -> int:
        """The number of prefixes that hold memory."""
        return self._memory.open_prefixes

    async def open(self, pictures: Sequence[Picture], preamble: str) -> KeptPrefix:
        tokens, patches = await self._apart(partial(self._prepared, pictures, preamble))
        pending = PendingResults[KeptPrefix]()
        self._worker.put(PrefixRequest(tokens, patches, pending))
        return await pending.result()

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        drafts = [AnswerDecoder(index, question, self._chat) for index, question in enumerate(questions)]
        pending = PendingResults[Answer]()
        if drafts:
            self._worker.put(SequenceGroup.of(Priority.VERDICT, _own(prefix), drafts, pending))
        async with aclosing(pending.results(len(drafts))) as answers:
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
        script = TextDecoder(request, start, max_tokens, self._chat, held)
        pending = PendingResults[GeneratedText]()
        self._worker.put(
            SequenceGroup.of(Priority.VERDICT if urgent else Priority.WORDS, _own(prefix), [script], pending)
        )
        return await pending.result()

    async def features(self, prefix: Prefix) -> PatchMap:
        seen = _own(prefix).seen()
        return await self._apart(lambda: seen.float().cpu().numpy())

    async def close(self, prefix: Prefix) -> None:
        _own(prefix).close()

    async def _apart(self, compute: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._preparing, compute)

    def _prepared(self, pictures: Sequence[Picture], preamble: str) -> tuple[list[int], PatchBatch]:
        patches = self._images.patches(pictures)
        return self._chat.prefix(patches.tokens, preamble), patches


def prepare_checkpoint(make: Callable[[], Checkpoint], card: ModelCard) -> Checkpoint:
    """Make a checkpoint and prepare it for inference."""
    checkpoint = make()
    optimize(checkpoint.model, card)
    return checkpoint


def _own(prefix: Prefix) -> KeptPrefix:
    if not isinstance(prefix, KeptPrefix):
        raise ModelError(f"{type(prefix).__name__} was opened by another engine")
    return prefix
