"""The time of batches that were not measured: a fixed time per batch plus a time per question in it. Pure.

Nine questions at once take about as long as one, so the time of a batch is fitted on batches of several sizes. Each
kind of pictures and token limits has a fit of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from inspector.domain.pipeline import TokenLimits
from inspector.domain.prompts import Pictures, Question
from inspector.lab.evaluation.recording import Recording, answer_limits, question_limits

BatchKind = tuple[Pictures, TokenLimits]  # the limits of the longest reasoning: all other answers wait for it


class BatchTimeFit(NamedTuple):
    """Milliseconds per batch, and per question in it."""

    batch_ms: float
    question_ms: float


class BatchTimeModel:
    """Predicts the time of a batch, fitted on all batches of some recordings."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        measured: dict[BatchKind, list[tuple[int, float]]] = defaultdict(list)
        for recording in recordings:
            for batch in recording.batches:
                kind = batch.pictures, _longest(map(answer_limits, batch.answers))
                measured[kind].append((len(batch.answers), batch.ms))
        self._fits = {kind: _fitted(points) for kind, points in measured.items()}

    def ms(self, pictures: Pictures, questions: Sequence[Question]) -> float:
        """Raises KeyError for a kind of batch that was never recorded."""
        fit = self._fits[pictures, _longest(map(question_limits, questions))]
        return fit.batch_ms + fit.question_ms * len(questions)


def _longest(limits: Iterable[TokenLimits]) -> TokenLimits:
    return max(limits, key=lambda each: (each.most, each.least), default=TokenLimits())


def _fitted(points: Sequence[tuple[int, float]]) -> BatchTimeFit:
    """Least squares with a slope of at least 0: further questions never save time."""
    counts, ms = np.array(points).T
    spread = float(np.var(counts))
    slope = max(0.0, float(np.mean((counts - counts.mean()) * (ms - ms.mean()))) / spread) if spread else 0.0
    return BatchTimeFit(float(ms.mean()) - slope * float(counts.mean()), slope)
