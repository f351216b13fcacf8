"""Patch head: small perceptrons per patch, taught by whole parts (multiple-instance learning). Pure numbers.

A part's log-odds is the mean of its highest patches: one defect makes it NG. Where a reviewer drew boxes, the patches
inside teach that they are NG. Trained by Adam (Kingma & Ba 2015); only the highest patches carry a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from inspector.domain.report import Box
from inspector.teaching.memory import PatchScores
from inspector.teaching.part_features import patches_of

Array = NDArray[Any]
PERCEPTRONS: Final = 3  # from other starts, whose mean ranks better than any of them
HIDDEN: Final = 24
HIGHEST_PATCHES: Final = 4  # whose mean is the part's log-odds
STEPS: Final = 150
BATCH_PARTS: Final = 24  # half of them NG
LEARNING_RATE: Final = 0.01
WEIGHT_DECAY: Final = 1e-3
FIRST_MOMENT: Final = 0.9
SECOND_MOMENT: Final = 0.999
START_LOG_ODDS: Final = -1.0  # most patches are good
BOXED_PATCHES: Final = 8  # per part and step that are taught by its boxes
MIN_DEVIATION: Final = 1e-3


class PatchHead(NamedTuple):
    """The perceptrons' mean: standardisation of the channels, and per perceptron (first axis) its two layers."""

    mean: Array
    deviation: Array
    hidden: Array
    hidden_bias: Array
    output: Array
    output_bias: Array

    def scores(self, feature_map: Array) -> PatchScores:
        patches = (patches_of(feature_map) - self.mean) / self.deviation
        layers = zip(self.hidden, self.hidden_bias, self.output, self.output_bias, strict=True)
        heat = np.stack([_forward(patches, weights) for weights in layers])
        highest = np.partition(heat, -HIGHEST_PATCHES, axis=1)[:, -HIGHEST_PATCHES:]
        return PatchScores(float(highest.mean()), heat.mean(axis=0).reshape(feature_map.shape[:2]))

    def arrays(self) -> dict[str, Array]:
        """Return the arrays to store."""
        return {name: value.astype(np.float32) for name, value in self._asdict().items()}

    @classmethod
    def of_arrays(cls, arrays: dict[str, Array]) -> PatchHead:
        return cls(**{name: arrays[name] for name in cls._fields})


def learn_patch_head(
    maps: Sequence[Array], is_ng: Array, boxes: Sequence[Sequence[Box]] = (), seed: int = 0
) -> PatchHead:
    """Train on the maps of OK and NG parts. `boxes` lists the drawn defects of each part; empty where none is drawn."""
    points = [patches_of(each) for each in maps]
    sample = np.concatenate([each[:: max(1, len(each) // 200)] for each in points])
    mean, deviation = sample.mean(axis=0), sample.std(axis=0) + MIN_DEVIATION
    points = [(each - mean) / deviation for each in points]
    boxed = [_inside(each.shape, drawn) for each, drawn in zip(maps, boxes or [()] * len(maps), strict=True)]
    starts = np.random.default_rng(seed).spawn(PERCEPTRONS)
    trained = [_trained(points, is_ng, boxed, start) for start in starts]
    return PatchHead(mean, deviation, *(np.stack(layer) for layer in zip(*trained, strict=True)))


def _trained(points: Sequence[Array], is_ng: Array, boxed: Sequence[Array], rng: np.random.Generator) -> list[Array]:
    weights = _start(points[0].shape[1], rng)
    moments = [(np.zeros_like(each), np.zeros_like(each)) for each in weights]
    for step in range(1, STEPS + 1):
        batch = np.concatenate([_drawn(np.flatnonzero(is_ng), rng), _drawn(np.flatnonzero(~is_ng), rng)])
        taught = [_highest(points[part], weights) for part in batch]
        gradients = _gradients([points[part] for part in batch], taught, is_ng[batch], weights)
        extra = [_drawn(boxed[part], rng, BOXED_PATCHES) for part in batch]
        if any(len(each) for each in extra):
            inside = np.concatenate([points[part][each] for part, each in zip(batch, extra, strict=True)])
            gradients = [mine + box for mine, box in zip(gradients, _towards_ng(inside, weights), strict=True)]
        weights = [_adam(*each, step) for each in zip(weights, gradients, moments, strict=True)]
    return weights


def _start(width: int, rng: np.random.Generator) -> list[Array]:
    hidden = rng.standard_normal((width, HIDDEN), dtype=np.float32) * np.float32(np.sqrt(2.0 / width))
    output = rng.standard_normal(HIDDEN, dtype=np.float32) / np.float32(np.sqrt(HIDDEN))
    return [hidden, np.zeros(HIDDEN, np.float32), output, np.array([START_LOG_ODDS], np.float32)]


def _drawn(items: Array, rng: np.random.Generator, count: int = BATCH_PARTS // 2) -> Array:
    return np.asarray(rng.choice(items, min(count, len(items)), replace=False)) if len(items) else items


def _forward(patches: Array, weights: Sequence[Array]) -> Array:
    hidden, hidden_bias, output, output_bias = weights
    return np.asarray(np.maximum(patches @ hidden + hidden_bias, 0.0) @ output + output_bias[0])


def _highest(patches: Array, weights: Sequence[Array]) -> Array:
    return np.argpartition(_forward(patches, weights), -HIGHEST_PATCHES)[-HIGHEST_PATCHES:]


def _gradients(parts: Sequence[Array], taught: Sequence[Array], is_ng: Array, weights: Sequence[Array]) -> list[Array]:
    """Return the gradients of the parts' mean loss, both kinds weighted equally."""
    patches = np.concatenate([part[highest] for part, highest in zip(parts, taught, strict=True)])
    log_odds = _forward(patches, weights).reshape(len(parts), -1).mean(axis=1)
    kind = np.where(is_ng, 0.5 / max(1, is_ng.sum()), 0.5 / max(1, (~is_ng).sum()))
    slope = np.repeat((expit(log_odds) - is_ng) * kind / HIGHEST_PATCHES, HIGHEST_PATCHES)
    return _backward(patches, slope.astype(np.float32), weights, WEIGHT_DECAY)


def _towards_ng(patches: Array, weights: Sequence[Array]) -> list[Array]:
    slope = (expit(_forward(patches, weights)) - 1.0) * 0.5 / len(patches)
    return _backward(patches, slope.astype(np.float32), weights, 0.0)


def _backward(patches: Array, slope: Array, weights: Sequence[Array], decay: float) -> list[Array]:
    hidden, hidden_bias, output, _ = weights
    active = np.maximum(patches @ hidden + hidden_bias, 0.0)
    to_hidden = slope[:, None] * output * (active > 0.0)
    gradients = [patches.T @ to_hidden + decay * hidden, to_hidden.sum(axis=0), active.T @ slope + decay * output]
    return [*gradients, np.array([slope.sum()])]


def _adam(weights: Array, gradient: Array, moments: tuple[Array, Array], step: int) -> Array:
    first, second = moments
    first *= FIRST_MOMENT
    first += (1.0 - FIRST_MOMENT) * gradient
    second *= SECOND_MOMENT
    second += (1.0 - SECOND_MOMENT) * gradient**2
    rate = LEARNING_RATE * np.sqrt(1.0 - SECOND_MOMENT**step) / (1.0 - FIRST_MOMENT**step)
    return np.asarray(weights - rate * first / (np.sqrt(second) + 1e-8), np.float32)


def _inside(shape: tuple[int, ...], boxes: Sequence[Box]) -> Array:
    """Return the numbers of the patches whose centre lies in a box."""
    rows, columns = shape[:2]
    y, x = np.divmod(np.arange(rows * columns), columns)
    y, x = (y + 0.5) / rows, (x + 0.5) / columns
    inside = np.zeros(rows * columns, bool)
    for x0, y0, x1, y1 in boxes:
        inside |= (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    return np.flatnonzero(inside)
