"""The contestants, each loaded in a process of its own: the engine, the engine on the language model only, and
`generate`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.adapters.vlm.transformers.checkpoint import Checkpoint, find_checkpoint, load_checkpoint
from inspector.adapters.vlm.transformers.engine import TransformersEngine, prepare_checkpoint
from inspector.adapters.vlm.transformers.images import ImagePreparer, PatchBatch
from inspector.adapters.vlm.transformers.optimize import graph_cache
from inspector.adapters.vlm.transformers.stopwatch import DeviceMemoryGauge
from inspector.adapters.vlm.transformers.threads import run_in_own_thread, set_compute_threads
from inspector.domain.model_card import ModelCard
from inspector.domain.prompts import Question
from inspector.lab.benchmarks.random_weights import MIDDLE, EndlessModel, ModelSize, TextReader, stand_in
from inspector.lab.benchmarks.workload import PREAMBLE, TEMPERATURE, Workload
from inspector.ports.engine import Picture

if TYPE_CHECKING:
    from transformers import Qwen2VLImageProcessorPil

Make = Callable[[], Checkpoint]  # picklable
Run = Callable[[Workload, Sequence[Picture]], float]  # MiB of device memory at the peak above the weights


def random_weights(card: ModelCard, folder: Path, size: ModelSize = MIDDLE) -> Checkpoint:
    return stand_in(load_checkpoint(card, find_checkpoint(card, folder)), size)


def engine(make: Make, card: ModelCard, threads: int) -> Run:
    ours = run_in_own_thread(partial(prepare_checkpoint, make, card), threads)
    model = EndlessModel(ours, graph_cache(ours.model, card))
    engine = TransformersEngine(card, ours, "contest", model, threads=threads)
    return partial(_asked, engine, DeviceMemoryGauge(ours.model.device))


def reader(make: Make, card: ModelCard, threads: int) -> Run:
    ours = run_in_own_thread(partial(prepare_checkpoint, make, card), threads)
    model, optics = TextReader(ours, graph_cache(ours.model, card)), CachingImages(ours.processor, card)
    engine = TransformersEngine(card, ours, "contest", model, optics, threads)
    return partial(_asked, engine, DeviceMemoryGauge(ours.model.device))


@dataclass(frozen=True, slots=True)
class GenerateContestant:
    """`generate` on the plain weights."""

    checkpoint: Checkpoint
    chat: ChatTemplate
    optics: ImagePreparer
    gauge: DeviceMemoryGauge

    @classmethod
    def load(cls, make: Make, card: ModelCard, threads: int) -> GenerateContestant:
        set_compute_threads(threads)
        plain = make()
        chat = ChatTemplate(plain.tokenizer, plain.model.config.image_token_id, plain.end_tokens)
        return cls(plain, chat, ImagePreparer(plain.processor, card), DeviceMemoryGauge(plain.model.device))

    def __call__(self, one_by_one: bool, case: Workload, pictures: Sequence[Picture]) -> float:
        return self.gauge.peak_mib(lambda: self._answer(one_by_one, case, pictures))

    def _answer(self, one_by_one: bool, case: Workload, pictures: Sequence[Picture]) -> None:
        if not one_by_one:
            self._generate(self.optics.patches(pictures), case.questions()[0], case.tokens, case.asks)
            return
        for picture in pictures:
            patches = self.optics.patches([picture])
            for question in case.questions():
                self._generate(patches, question, case.tokens, 1)

    @torch.inference_mode()
    def _generate(self, patches: PatchBatch, question: Question, tokens: int, sequences: int) -> None:
        """Ask the same question about pictures of one size."""
        model = self.checkpoint.model
        one = self.chat.prefix(patches.tokens[:1], PREAMBLE) + self.chat.suffix(question.text)
        ids = torch.tensor([one] * len(patches.tokens), device=model.device)
        model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == model.config.image_token_id).int(),
            pixel_values=patches.pixels.to(model.device),
            image_grid_thw=patches.grid.to(model.device),
            do_sample=tokens > 0 or sequences > 1,
            temperature=TEMPERATURE if tokens or sequences > 1 else None,
            num_return_sequences=sequences,
            min_new_tokens=max(tokens, 1),
            max_new_tokens=max(tokens, 1),
        )


class CachingImages(ImagePreparer):
    """Prepares the same pictures once; the warm-up round pays for it."""

    def __init__(self, processor: Qwen2VLImageProcessorPil, card: ModelCard) -> None:
        super().__init__(processor, card)
        self._known: dict[tuple[Picture, ...], PatchBatch] = {}

    def patches(self, pictures: Sequence[Picture]) -> PatchBatch:
        shown = tuple(pictures)
        if shown not in self._known:
            self._known[shown] = super().patches(pictures)
        return self._known[shown]


def _asked(engine: TransformersEngine, gauge: DeviceMemoryGauge, case: Workload, pictures: Sequence[Picture]) -> float:
    return gauge.peak_mib(lambda: asyncio.run(_ask_all(engine, case, pictures)))


async def _ask_all(engine: TransformersEngine, case: Workload, pictures: Sequence[Picture]) -> None:
    await asyncio.gather(*(_ask(engine, case, picture) for picture in pictures))


async def _ask(engine: TransformersEngine, case: Workload, picture: Picture) -> None:
    prefix = await engine.open([picture], PREAMBLE)
    async for _ in engine.ask(prefix, case.questions()):
        pass
    await engine.close(prefix)
