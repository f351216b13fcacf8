"""The engine beside `generate`, and beside a peer: the same weights, questions and pictures (for a peer, which sees
none, the same tokens). Knows them all and what each is asked; tells no winner."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
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
from inspector.vlm.lap import Lap, timed
from inspector.vlm.network import Network
from inspector.vlm.packing import pack
from inspector.vlm.peer import Peer, Work, started
from inspector.vlm.pictures import Optics, Patches
from inspector.vlm.stand_in import Reader, save_language_model, stand_in
from inspector.vlm.threads import apart

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


@dataclass(frozen=True, slots=True)
class Contest:
    """The contenders: `ours` for the engine, `plain` the same weights for `generate`. Each computes in threads that end
    with its lap, since the helpers of one would slow the next."""

    card: ModelCard
    ours: Checkpoint
    plain: Checkpoint
    threads: int
    chat: Chat
    optics: Optics
    laps: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def on_stand_in(cls, card: ModelCard, folder: Path, threads: int) -> Contest:
        """On random weights of middle size, with the card's tokenizer and pixel budget."""
        return apart(lambda: cls.on(stand_in(load_checkpoint(card, find(card, folder))), card, threads), threads)

    @classmethod
    def on(cls, ours: Checkpoint, card: ModelCard, threads: int) -> Contest:
        plain = ours._replace(model=copy.deepcopy(ours.model))
        pack(ours.model)
        chat = Chat(plain.tokenizer, plain.model.config.image_token_id, plain.end_tokens)
        return cls(card, ours, plain, threads, chat, Optics(plain.processor, card))

    @property
    def parameters(self) -> int:
        return sum(weights.numel() for weights in self.plain.model.parameters())

    def visual_tokens(self, picture: Picture) -> int:
        return sum(self._prepared(picture).tokens)

    def engine_lap(self, case: Case, pictures: Sequence[Picture]) -> Lap:
        return self._lap(Network(self.ours.model), self.optics, case, pictures)

    def reader_lap(self, case: Case, pictures: Sequence[Picture]) -> Lap:
        """Reads the tokens where pictures would stand, without seeing them; it is told them, as the peer is."""
        told = Told({picture: self._prepared(picture) for picture in pictures})
        return self._lap(Reader(self.ours.model), told, case, pictures)

    def separate_lap(self, case: Case, pictures: Sequence[Picture]) -> Lap:
        """A call of `generate` for each question."""
        return self._plain_lap(lambda: self._separately(case, pictures), case)

    def together_lap(self, case: Case, pictures: Sequence[Picture]) -> Lap:
        """One call of `generate` for all parts, with `num_return_sequences`."""
        return self._plain_lap(
            lambda: self._generate(self.optics.patches(pictures), case.questions()[0], case.tokens, case.asks), case
        )

    def peer_lap(self, peer: Peer, case: Case, pictures: Sequence[Picture]) -> Lap:
        work = self._work(case, pictures)
        return timed(lambda: peer.do(work), case.parts, peer.process)

    @contextmanager
    def peer(self, python: Path, threads: int) -> Iterator[Peer]:
        """The peer in the environment of this interpreter, with our language model."""
        with TemporaryDirectory(prefix="inspector-peer-") as folder:
            save_language_model(self.plain.model, Path(folder))
            with started(python, Path(folder), threads) as peer:
                yield peer

    def _lap(self, network: Network, optics: Optics, case: Case, pictures: Sequence[Picture]) -> Lap:
        engine = TransformersEngine(self.card, self.ours, "contest", network, optics, self.threads)
        return timed(lambda: asyncio.run(_ask_all(engine, case, pictures)), case.parts, psutil.Process())

    def _plain_lap(self, generate: Callable[[], None], case: Case) -> Lap:
        return timed(lambda: apart(generate, self.threads), case.parts, psutil.Process())

    def _prepared(self, picture: Picture) -> Patches:
        return apart(lambda: self.optics.patches([picture]), self.threads)

    def _separately(self, case: Case, pictures: Sequence[Picture]) -> None:
        for picture in pictures:
            patches = self.optics.patches([picture])
            for question in case.questions():
                self._generate(patches, question, case.tokens, 1)

    def _work(self, case: Case, pictures: Sequence[Picture]) -> Work:
        """Every part has its own cache in every lap: our prefixes are closed after one, too."""
        heads = [self.chat.prefix(self._prepared(picture).tokens, PREAMBLE) for picture in pictures]
        texts = dict.fromkeys(question.text for question in case.questions())
        lap = next(self.laps)
        prompts = [
            (f"{lap}/{part}", [*head, *self.chat.suffix(text)]) for part, head in enumerate(heads) for text in texts
        ]
        samples = case.asks // len(texts)
        return Work(prompts, samples, max(case.tokens, 1), TEMPERATURE if case.tokens else 0.0)

    @torch.inference_mode()
    def _generate(self, patches: Patches, question: Question, tokens: int, sequences: int) -> None:
        """The same question about pictures of one size."""
        one = self.chat.prefix(patches.tokens[:1], PREAMBLE) + self.chat.suffix(question.text)
        ids = torch.tensor([one] * len(patches.tokens))
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


class Told(Optics):
    """Pictures that were prepared before."""

    def __init__(self, known: Mapping[Picture, Patches]) -> None:
        self._known = known

    def patches(self, pictures: Sequence[Picture]) -> Patches:
        [picture] = pictures
        return self._known[picture]


async def _ask_all(engine: TransformersEngine, case: Case, pictures: Sequence[Picture]) -> None:
    await asyncio.gather(*(_ask(engine, case, picture) for picture in pictures))


async def _ask(engine: TransformersEngine, case: Case, picture: Picture) -> None:
    prefix = await engine.open([picture], PREAMBLE)
    async for _ in engine.ask(prefix, case.questions()):
        pass
    await engine.close(prefix)
