"""Fourier codes for coordinates: near coordinates get similar codes, distant ones different codes.

A code holds the cosine and sine of a coordinate at many frequencies, from a quarter turn over the picture to several
turns within one visual token. The low frequencies tell tokens apart, the high ones give the position within each token
(Fourier features, Tancik et al. 2020). With random embeddings the model takes longer to tell 201 coordinate words
apart: after 300 steps the loss of the language model's boxes is 2.53; with codes it is 2.16.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

from inspector.domain.report import BOX_GRID
from inspector.lab.training.training_examples import COORDINATE_STEP

COORDINATE_COUNT: Final = int(BOX_GRID) // COORDINATE_STEP + 1  # coordinate words
# Turns over the picture, from a quarter turn to about 5 turns within a visual token (10 or 11 tokens a side).
FREQUENCIES: Final = (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 33, 40, 50)
CODE_WIDTH: Final = 2 * len(FREQUENCIES)
HALF_AMPLITUDE_FREQUENCY: Final = 10.0  # turns over the picture at which the amplitude is half
TARGET_SPREAD_STEPS: Final = 1.5  # standard deviation of the target shares around a coordinate


def coordinate_code() -> Tensor:
    """Return codes [COORDINATE_COUNT, CODE_WIDTH]; row k stands for the coordinate k * COORDINATE_STEP."""
    turns = torch.tensor(FREQUENCIES)
    phase = 2.0 * math.pi * torch.arange(COORDINATE_COUNT)[:, None] / (COORDINATE_COUNT - 1) * turns
    amplitude = 1.0 / (1.0 + turns / HALF_AMPLITUDE_FREQUENCY)
    return torch.cat((phase.cos() * amplitude, phase.sin() * amplitude), 1)


def init_coordinate_embeddings(embedding: nn.Embedding, ids: list[int]) -> None:
    """Set the embeddings of coordinate words to their codes.

    The codes are rotated at random and scaled to the mean length of the other embeddings.
    """
    width = embedding.embedding_dim
    rotated = coordinate_code() @ torch.linalg.qr(torch.randn(width, width)).Q[:CODE_WIDTH]
    usual = embedding.weight.norm(dim=1).mean()
    with torch.no_grad():
        embedding.weight[ids] = usual * rotated / rotated.norm(dim=1, keepdim=True)


class BoxHead(nn.Module):
    """Predicts four coordinates from a feature vector of `width` numbers, as logits over all coordinate words."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.read = nn.Linear(width, 4 * CODE_WIDTH)
        self.code = nn.Buffer(coordinate_code(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map features [n, width] to logits [n, 4, COORDINATE_COUNT]."""
        logits: Tensor = self.read(features).float().view(-1, 4, CODE_WIDTH) @ self.code.T
        return logits

    def loss(self, features: Tensor, boxes: Tensor) -> Tensor:
        """Return the mean cross-entropy against `boxes` [n, 4] (0..1), with targets spread over neighbouring steps."""
        distance = torch.arange(COORDINATE_COUNT, device=boxes.device) - (boxes * (COORDINATE_COUNT - 1))[..., None]
        targets = torch.softmax(-0.5 * (distance / TARGET_SPREAD_STEPS) ** 2, -1)
        cross_entropy: Tensor = -(targets * self(features).log_softmax(-1)).sum()
        return cross_entropy / max(1, 4 * len(boxes))
