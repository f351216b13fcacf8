"""The engine beside `generate`, on the same model, pictures and questions. Knows both; measures seconds a part and how
far memory rises above what the model itself takes."""

from __future__ import annotations

import asyncio
import copy
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import psutil
import torch

from inspector.model_card import ModelCard
from inspector.pipeline import Reasoning, ViewName
from inspector.ports import Picture
from inspector.view import ANSWER, DRAFT, WORDINGS, Question
from inspector.vlm.chat import Chat
from inspector.vlm.checkpoint import Checkpoint, find, load_checkpoint
from inspector.vlm.engine import TransformersEngine
from inspector.vlm.pictures import Optics
from inspector.vlm.stand_in import stand_in

PREAMBLE: Final = "This picture shows a part on a production line. Known defects: scratch.\n"
TEXTS: Final = tuple(wording.text.format(product="part") for wordings in WORDINGS.values() for wording in wordings)
TEMPERATURE: Final = 0.8
SAMPLING_S: Final = 0.002
MIB: Final = 2**20


class Case(NamedTuple):
    """`asks` questions about each of so many `parts` at once; `tokens` are sampled before each answer, 0 for none."""

    asks: int
    parts: int
    tokens: int = 0

    def questions(self) -> list[Question]:
        texts = [TEXTS[number % len(TEXTS)] for number in range(self.asks)]
        if not self.tokens:
            return [Question(ViewName.PARAPHRASE, text + ANSWER) for text in texts]
        return [
            Question(
                ViewName.DIRECT,
                TEXTS[0] + DRAFT,
                reasoning=Reasoning.DRAFT,
                temperature=TEMPERATURE,
                seed=seed,
                max_tokens=self.tokens,
            )
            for seed in range(self.asks)
        ]


class Lap(NamedTuple):
    """Seconds a part, and MiB at the peak above what was there before."""

    seconds: float
    mib: float


@dataclass(frozen=True, slots=True)
class Contest:
    """The contenders: an engine, and the same weights for `generate`."""

    engine: TransformersEngine
    plain: Checkpoint
    chat: Chat
    optics: Optics

    @classmethod
    def on_stand_in(cls, card: ModelCard, folder: Path, threads: int) -> Contest:
        """On random weights of middle size, with the card's tokenizer and pixel budget."""
        torch.set_num_threads(threads)
        ours = stand_in(load_checkpoint(card, find(card, folder)))
        plain = ours._replace(model=copy.deepcopy(ours.model))
        chat = Chat(plain.tokenizer, plain.model.config.image_token_id, plain.end_tokens)
        return cls(TransformersEngine(card, ours, "stand-in"), plain, chat, Optics(plain.processor, card))

    @property
    def parameters(self) -> int:
        return sum(weights.numel() for weights in self.plain.model.parameters())

    def visual_tokens(self, picture: Picture) -> int:
        return sum(self.optics.patches([picture]).tokens)

    def engine_lap(self, case: Case, pictures: Sequence[Picture]) -> Lap:
        return _timed(lambda: asyncio.run(self._ask_all(case, pictures)), case.parts)

    def separate_lap(self, case: Case, pictures: Sequence[Picture]) -> Lap:
        """A call of `generate` for each question."""
        return _timed(
            lambda: [
                self._generate([picture], question, case.tokens, 1)
                for picture in pictures
                for question in case.questions()
            ],
            case.parts,
        )

    def together_lap(self, case: Case, pictures: Sequence[Picture]) -> Lap:
        """One call of `generate` for all parts, with `num_return_sequences`."""
        return _timed(lambda: self._generate(pictures, case.questions()[0], case.tokens, case.asks), case.parts)

    async def _ask_all(self, case: Case, pictures: Sequence[Picture]) -> None:
        await asyncio.gather(*(self._ask(case, picture) for picture in pictures))

    async def _ask(self, case: Case, picture: Picture) -> None:
        prefix = await self.engine.open([picture], PREAMBLE)
        async for _ in self.engine.ask(prefix, case.questions()):
            pass
        await self.engine.close(prefix)

    @torch.inference_mode()
    def _generate(self, pictures: Sequence[Picture], question: Question, tokens: int, sequences: int) -> None:
        patches = self.optics.patches(pictures)
        one = self.chat.prefix(patches.tokens[:1], PREAMBLE) + self.chat.suffix(question.text)
        ids = torch.tensor([one] * len(pictures))
        self.plain.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == self.plain.model.config.image_token_id).int(),
            pixel_values=patches.pixels,
            image_grid_thw=patches.grid,
            do_sample=tokens > 0 or sequences > 1,
            temperature=TEMPERATURE if tokens or sequences > 1 else None,
            num_return_sequences=sequences,
            min_new_tokens=max(tokens, 1),
            max_new_tokens=max(tokens, 1),
        )


def _timed(run: Callable[[], object], parts: int) -> Lap:
    process, over = psutil.Process(), threading.Event()
    before = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not over.wait(SAMPLING_S):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    try:
        run()
    finally:
        seconds = time.perf_counter() - started
        over.set()
        watcher.join()
    return Lap(seconds / parts, (peak - before) / MIB)
