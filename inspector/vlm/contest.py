"""The engine beside `generate`, and beside a peer: the same weights, questions and pictures (for a peer, which sees
none, the same tokens). Knows them all and what each is asked; tells no winner."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

import torch

from inspector.model_card import ModelCard
from inspector.pipeline import Reasoning, ViewName
from inspector.ports import Picture
from inspector.view import ANSWER, DRAFT, WORDINGS, Question
from inspector.vlm import peer
from inspector.vlm.chat import Chat
from inspector.vlm.checkpoint import Checkpoint, find, load_checkpoint
from inspector.vlm.contender import started
from inspector.vlm.engine import TransformersEngine
from inspector.vlm.lap import Lap, timed
from inspector.vlm.packing import pack
from inspector.vlm.peer import Peer, Work
from inspector.vlm.pictures import Optics, Patches
from inspector.vlm.stand_in import Reader, save_language_model, stand_in
from inspector.vlm.threads import apart

if TYPE_CHECKING:
    from transformers import Qwen2VLImageProcessorPil

PREAMBLE: Final = "This picture shows a part on a production line. Known defects: scratch.\n"
TEXTS: Final = tuple(wording.text.format(product="part") for wordings in WORDINGS.values() for wording in wordings)
TEMPERATURE: Final = 0.8


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


Run = Callable[["Case", Sequence[Picture]], Lap]
Make = Callable[[], Checkpoint]  # one that can be pickled: contenders run in processes of their own


@dataclass(frozen=True, slots=True)
class Contest:
    """`make` gives every contender the same weights; `plain` are those too, for whoever is not ours."""

    card: ModelCard
    make: Make
    threads: int
    plain: Checkpoint
    chat: Chat
    optics: Optics
    laps: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def on_stand_in(cls, card: ModelCard, folder: Path, threads: int) -> Contest:
        """On random weights of middle size, with the card's tokenizer and pixel budget."""
        return cls.on(partial(_stand_in, card, folder), card, threads)

    @classmethod
    def on(cls, make: Make, card: ModelCard, threads: int) -> Contest:
        plain = apart(make, threads)
        chat = Chat(plain.tokenizer, plain.model.config.image_token_id, plain.end_tokens)
        return cls(card, make, threads, plain, chat, Optics(plain.processor, card))

    @property
    def parameters(self) -> int:
        return sum(weights.numel() for weights in self.plain.model.parameters())

    def visual_tokens(self, picture: Picture) -> int:
        return sum(self.optics.patches([picture]).tokens)

    @contextmanager
    def engine(self) -> Iterator[Run]:
        """The engine as it is."""
        with started(partial(_engine, self.make, self.card, self.threads)) as contender:
            yield lambda case, pictures: contender.lap(case.parts, case, pictures)

    @contextmanager
    def reader(self) -> Iterator[Run]:
        """The engine on the language model alone: it reads the tokens where pictures would stand, without seeing them,
        and is told these tokens, as the peer is."""
        with started(partial(_reader, self.make, self.card, self.threads)) as contender:
            yield lambda case, pictures: contender.lap(case.parts, case, pictures)

    @contextmanager
    def generate(self) -> Iterator[tuple[Run, Run]]:
        """A call of `generate` for each question; and one call for all parts, with `num_return_sequences`."""
        with started(partial(_Plain.load, self.make, self.card, self.threads)) as contender:
            yield (
                lambda case, pictures: contender.lap(case.parts, True, case, pictures),
                lambda case, pictures: contender.lap(case.parts, False, case, pictures),
            )

    @contextmanager
    def peer(self, python: Path) -> Iterator[Run]:
        """The peer in the environment of this interpreter, with our language model."""
        with TemporaryDirectory(prefix="inspector-peer-") as folder:
            save_language_model(self.plain.model, Path(folder))
            with peer.started(python, Path(folder), self.threads) as running:
                yield lambda case, pictures: self._peer_lap(running, case, pictures)

    def _peer_lap(self, running: Peer, case: Case, pictures: Sequence[Picture]) -> Lap:
        work = self._work(case, pictures)
        return timed(lambda: running.do(work), case.parts, running.process)

    def _work(self, case: Case, pictures: Sequence[Picture]) -> Work:
        """Every part has its own cache in every lap: our prefixes are closed after one, too."""
        heads = [self.chat.prefix(self.optics.patches([picture]).tokens, PREAMBLE) for picture in pictures]
        texts = dict.fromkeys(question.text for question in case.questions())
        lap = next(self.laps)
        prompts = [
            (f"{lap}/{part}", [*head, *self.chat.suffix(text)]) for part, head in enumerate(heads) for text in texts
        ]
        samples = case.asks // len(texts)
        return Work(prompts, samples, max(case.tokens, 1), TEMPERATURE if case.tokens else 0.0)


def _stand_in(card: ModelCard, folder: Path) -> Checkpoint:
    return stand_in(load_checkpoint(card, find(card, folder)))


def _engine(make: Make, card: ModelCard, threads: int) -> Callable[[Case, Sequence[Picture]], None]:
    ours = apart(partial(_packed, make), threads)
    engine = TransformersEngine(card, ours, "contest", threads=threads)
    return lambda case, pictures: asyncio.run(_ask_all(engine, case, pictures))


def _reader(make: Make, card: ModelCard, threads: int) -> Callable[[Case, Sequence[Picture]], None]:
    ours = apart(partial(_packed, make), threads)
    optics = Remembering(ours.processor, card)
    engine = TransformersEngine(card, ours, "contest", Reader(ours.model), optics, threads)
    return lambda case, pictures: asyncio.run(_ask_all(engine, case, pictures))


def _packed(make: Make) -> Checkpoint:
    ours = make()
    pack(ours.model)
    return ours


@dataclass(frozen=True, slots=True)
class _Plain:
    """`generate` on the plain weights."""

    checkpoint: Checkpoint
    chat: Chat
    optics: Optics

    @classmethod
    def load(cls, make: Make, card: ModelCard, threads: int) -> _Plain:
        torch.set_num_threads(threads)
        plain = make()
        chat = Chat(plain.tokenizer, plain.model.config.image_token_id, plain.end_tokens)
        return cls(plain, chat, Optics(plain.processor, card))

    def __call__(self, one_by_one: bool, case: Case, pictures: Sequence[Picture]) -> None:
        if not one_by_one:
            self._generate(self.optics.patches(pictures), case.questions()[0], case.tokens, case.asks)
            return
        for picture in pictures:
            patches = self.optics.patches([picture])
            for question in case.questions():
                self._generate(patches, question, case.tokens, 1)

    @torch.inference_mode()
    def _generate(self, patches: Patches, question: Question, tokens: int, sequences: int) -> None:
        """The same question about pictures of one size."""
        model = self.checkpoint.model
        one = self.chat.prefix(patches.tokens[:1], PREAMBLE) + self.chat.suffix(question.text)
        ids = torch.tensor([one] * len(patches.tokens))
        model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == model.config.image_token_id).int(),
            pixel_values=patches.pixels,
            image_grid_thw=patches.grid,
            do_sample=tokens > 0 or sequences > 1,
            temperature=TEMPERATURE if tokens or sequences > 1 else None,
            num_return_sequences=sequences,
            min_new_tokens=max(tokens, 1),
            max_new_tokens=max(tokens, 1),
        )


class Remembering(Optics):
    """Prepares the same pictures once; the lap that warms up pays for it."""

    def __init__(self, processor: Qwen2VLImageProcessorPil, card: ModelCard) -> None:
        super().__init__(processor, card)
        self._known: dict[tuple[Picture, ...], Patches] = {}

    def patches(self, pictures: Sequence[Picture]) -> Patches:
        shown = tuple(pictures)
        if shown not in self._known:
            self._known[shown] = super().patches(pictures)
        return self._known[shown]


async def _ask_all(engine: TransformersEngine, case: Case, pictures: Sequence[Picture]) -> None:
    await asyncio.gather(*(_ask(engine, case, picture) for picture in pictures))


async def _ask(engine: TransformersEngine, case: Case, picture: Picture) -> None:
    prefix = await engine.open([picture], PREAMBLE)
    async for _ in engine.ask(prefix, case.questions()):
        pass
    await engine.close(prefix)
