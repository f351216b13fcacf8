"""Runs the engine, `generate` and a peer on the same weights, questions and pictures.

The peer sees no pictures, so it reads the same tokens instead. Knows all contestants and their workloads; chooses no
winner.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.adapters.vlm.transformers.checkpoint import Checkpoint
from inspector.adapters.vlm.transformers.images import ImagePreparer
from inspector.adapters.vlm.transformers.threads import run_in_own_thread
from inspector.domain.model_card import ModelCard
from inspector.domain.prompts import VERDICT_CUE
from inspector.lab.benchmarks import contestants as entrants
from inspector.lab.benchmarks import vllm_peer as peer
from inspector.lab.benchmarks.contestants import Make
from inspector.lab.benchmarks.measurement import Measurement, timed
from inspector.lab.benchmarks.random_weights import MIDDLE, ModelSize, save_language_model
from inspector.lab.benchmarks.roofline import Roofline, roofline
from inspector.lab.benchmarks.subprocess_contestant import run_in_own_process, started
from inspector.lab.benchmarks.vllm_peer import PeerOrder, VllmPeer
from inspector.lab.benchmarks.workload import PREAMBLE, TEMPERATURE, Workload
from inspector.ports.engine import Picture

Run = Callable[[Workload, Sequence[Picture]], Measurement]


@dataclass(frozen=True, slots=True)
class Contest:
    """`make` builds the same weights for every contestant; `plain` are those weights for contestants other than the
    engine.
    """

    card: ModelCard
    make: Make
    threads: int
    plain: Checkpoint
    chat: ChatTemplate
    optics: ImagePreparer
    laps: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def on_stand_in(cls, card: ModelCard, folder: Path, threads: int, size: ModelSize = MIDDLE) -> Contest:
        """Build a contest on random weights of this size, with the card's tokenizer and pixel budget."""
        return cls.on(partial(entrants.random_weights, card, folder, size), card, threads)

    @classmethod
    def on(cls, make: Make, card: ModelCard, threads: int) -> Contest:
        plain = run_in_own_thread(make, threads)
        chat = ChatTemplate(plain.tokenizer, plain.model.config.image_token_id, plain.end_tokens)
        return cls(card, make, threads, plain, chat, ImagePreparer(plain.processor, card))

    @property
    def parameters(self) -> int:
        return sum(weights.numel() for weights in self.plain.model.parameters())

    def visual_tokens(self, picture: Picture) -> int:
        return sum(self.optics.patches([picture]).tokens)

    def engine(self) -> AbstractContextManager[Run]:
        """Run the engine as it is."""
        return self._taking_part(entrants.engine)

    def reader(self) -> AbstractContextManager[Run]:
        """Run the engine on the language model only: it reads picture tokens as words, like the peer."""
        return self._taking_part(entrants.reader)

    @contextmanager
    def _taking_part(self, enter: Callable[[Make, ModelCard, int], entrants.Run]) -> Iterator[Run]:
        with started(partial(enter, self.make, self.card, self.threads)) as contender:
            yield lambda case, pictures: contender.lap(case.parts, case, pictures)

    def roofline(self, picture: Picture, parts: int, asks: int) -> Roofline:
        """Compare the engine with the limits of its device, on as many tokens as the picture takes."""
        patches = self.optics.patches([picture])
        head = self.chat.prefix(patches.tokens, PREAMBLE)
        measure = partial(roofline, self.make, self.card, head, patches, parts, asks)
        return run_in_own_process(partial(run_in_own_thread, measure, self.threads))

    @contextmanager
    def generate(self) -> Iterator[tuple[Run, Run]]:
        """Run one call of `generate` per question, and one call for all parts with `num_return_sequences`."""
        with started(partial(entrants.GenerateContestant.load, self.make, self.card, self.threads)) as contender:
            yield (
                lambda case, pictures: contender.lap(case.parts, True, case, pictures),
                lambda case, pictures: contender.lap(case.parts, False, case, pictures),
            )

    @contextmanager
    def peer(self, python: Path) -> Iterator[Run]:
        """Run the peer in the environment of this interpreter, with our language model."""
        with TemporaryDirectory(prefix="inspector-peer-") as folder:
            save_language_model(self.plain.model, Path(folder))
            with peer.started(python, Path(folder), self.threads) as running:
                yield lambda case, pictures: self._peer_lap(running, case, pictures)

    def _peer_lap(self, running: VllmPeer, case: Workload, pictures: Sequence[Picture]) -> Measurement:
        work = self.work(case, pictures)
        return timed(lambda: running.do(work), case.parts, running.process)

    def work(self, case: Workload, pictures: Sequence[Picture]) -> PeerOrder:
        """Build the peer's order. Every part has its own cache in every round: our prefixes are closed after one, too.

        Where the engine reads a cue after the drawn tokens, and the verdict after it, the peer draws as many tokens
        more.
        """
        heads = [self.chat.prefix(self.optics.patches([picture]).tokens, PREAMBLE) for picture in pictures]
        texts = dict.fromkeys(question.text for question in case.questions())
        lap = next(self.laps)
        prompts = [
            (f"{lap}/{part}", [*head, *self.chat.suffix(text)]) for part, head in enumerate(heads) for text in texts
        ]
        samples = case.asks // len(texts)
        if not case.tokens:
            return PeerOrder(prompts, samples, 1, 0.0)
        return PeerOrder(prompts, samples, case.tokens + len(self.chat.encode(f" {VERDICT_CUE}")) + 1, TEMPERATURE)
