"""What asking costs where it was not measured: so much for a batch, and so much more for every question in it. Pure.

Nine questions at once cost about what one costs, so the price of a batch is fitted on batches of several sizes, one
fit for each kind of picture and length of thought.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from inspector.domain.pipeline import TokenLimits
from inspector.domain.prompts import Pictures, Question
from inspector.lab.evaluation.recording import Recording, answer_limits, question_limits

BatchKind = tuple[Pictures, TokenLimits]  # those of the longest thought, which all others wait for


class BatchTimeFit(NamedTuple):
    """Milliseconds of a batch, and of each question in it."""

    batch_ms: float
    each_ms: float


class BatchTimeModel:
    """Fitted on every batch of some recordings."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        measured: dict[BatchKind, list[tuple[int, float]]] = defaultdict(list)
        for recording in recordings:
            for batch in recording.batches:
                kind = batch.pictures, _longest(map(answer_limits, batch.answers))
                measured[kind].append((len(batch.answers), batch.ms))
        self._batch_times = {kind: _fitted(points) for kind, points in measured.items()}

    def ms(self, pictures: Pictures, questions: Sequence[Question]) -> float:
        """Raises KeyError for a kind of batch that was never asked."""
        price = self._batch_times[pictures, _longest(map(question_limits, questions))]
        return price.batch_ms + price.each_ms * len(questions)


def _longest(thoughts: Iterable[TokenLimits]) -> TokenLimits:
    return max(thoughts, key=lambda limits: (limits.most, limits.least), default=TokenLimits())


def _fitted(points: Sequence[tuple[int, float]]) -> BatchTimeFit:
    """Least squares; a batch never gets cheaper by asking more."""
    counts, ms = np.array(points).T
    spread = float(np.var(counts))
    slope = max(0.0, float(np.mean((counts - counts.mean()) * (ms - ms.mean()))) / spread) if spread else 0.0
    return BatchTimeFit(float(ms.mean()) - slope * float(counts.mean()), slope)
