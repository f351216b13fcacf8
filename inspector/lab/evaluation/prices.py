"""What asking costs where it was not measured: so much for a batch, and so much more for every question in it. Pure.

Nine questions at once cost about what one costs, so the price of a batch is fitted on batches of several sizes, one
fit for each kind of picture and length of thought.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from inspector.domain.pipeline import Limits
from inspector.domain.prompts import Pictures, Question
from inspector.lab.evaluation.tape import Tape, kept_to, limits_of

Kind = tuple[Pictures, Limits]  # those of the longest thought, which all others wait for


class Price(NamedTuple):
    """Milliseconds of a batch, and of each question in it."""

    batch_ms: float
    each_ms: float


class Prices:
    """Fitted on every batch of some tapes."""

    def __init__(self, tapes: Iterable[Tape]) -> None:
        measured: dict[Kind, list[tuple[int, float]]] = defaultdict(list)
        for tape in tapes:
            for batch in tape.batches:
                kind = batch.pictures, _longest(map(kept_to, batch.said))
                measured[kind].append((len(batch.said), batch.ms))
        self._prices = {kind: _fitted(points) for kind, points in measured.items()}

    def ms(self, pictures: Pictures, questions: Sequence[Question]) -> float:
        """Raises KeyError for a kind of batch that was never asked."""
        price = self._prices[pictures, _longest(map(limits_of, questions))]
        return price.batch_ms + price.each_ms * len(questions)


def _longest(thoughts: Iterable[Limits]) -> Limits:
    return max(thoughts, key=lambda limits: (limits.most, limits.least), default=Limits())


def _fitted(points: Sequence[tuple[int, float]]) -> Price:
    """Least squares; a batch never gets cheaper by asking more."""
    counts, ms = np.array(points).T
    spread = float(np.var(counts))
    slope = max(0.0, float(np.mean((counts - counts.mean()) * (ms - ms.mean()))) / spread) if spread else 0.0
    return Price(float(ms.mean()) - slope * float(counts.mean()), slope)
