"""How coordinates are laid out in the model: near ones alike, far ones apart.

A coordinate's code holds cosines and sines of it at frequencies from a quarter of a turn over the picture to many
turns within one visual token: the coarse ones tell tokens apart, the fine ones say the same in each of them (Fourier
features, Tancik et al. 2020). Two hundred words for places that start at random come apart later: loss of the language
model's boxes after 300 steps 2.53, laid out 2.16.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

from inspector.domain.report import BOX_GRID
from inspector.lab.training.training_examples import COORDINATE_STEP

COORDINATE_COUNT: Final = int(BOX_GRID) // COORDINATE_STEP + 1  # coordinates that can be spoken
CODE_FREQUENCIES: Final = (
    0.25,
    0.5,
    0.75,
    1,
    1.25,
    1.5,
    2,
    2.5,
    3,
    4,
    5,
    6,
    7,
    8,
    10,
    12,
    14,
    17,
    20,
    24,
    28,
    33,
    40,
    50,
)
CODE_WIDTH: Final = 2 * len(CODE_FREQUENCIES)
HALF_AMPLITUDE_FREQUENCY: Final = 10.0  # turns at which the fine parts of the code count half
TARGET_SPREAD_STEPS: Final = 1.5  # deviation, in steps, of the wanted shares around a coordinate


def coordinate_code() -> Tensor:
    """[STEPS, WIDTH]: row k stands for the coordinate k * STEP."""
    turns = torch.tensor(CODE_FREQUENCIES)
    phase = 2.0 * math.pi * torch.arange(COORDINATE_COUNT)[:, None] / (COORDINATE_COUNT - 1) * turns
    loudness = 1.0 / (1.0 + turns / HALF_AMPLITUDE_FREQUENCY)
    return torch.cat((phase.cos() * loudness, phase.sin() * loudness), 1)


def init_coordinate_embeddings(embedding: nn.Embedding, ids: list[int]) -> None:
    """Starts the words for coordinates at their code, turned at random and as long as the other words."""
    width = embedding.embedding_dim
    turned = coordinate_code() @ torch.linalg.qr(torch.randn(width, width)).Q[:CODE_WIDTH]
    usual = embedding.weight.norm(dim=1).mean()
    with torch.no_grad():
        embedding.weight[ids] = usual * turned / turned.norm(dim=1, keepdim=True)


class BoxHead(nn.Module):
    """Reads four coordinates from a feature of `width` numbers: logits over the spoken ones."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.read = nn.Linear(width, 4 * CODE_WIDTH)
        self.code = nn.Buffer(coordinate_code(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """[n, width] to [n, 4, STEPS]."""
        logits: Tensor = self.read(features).float().view(-1, 4, CODE_WIDTH) @ self.code.T
        return logits

    def loss(self, features: Tensor, boxes: Tensor) -> Tensor:
        """Mean cross-entropy against `boxes` [n, 4] (0..1), spread over the steps beside the truth."""
        far = torch.arange(COORDINATE_COUNT, device=boxes.device) - (boxes * (COORDINATE_COUNT - 1))[..., None]
        wanted = torch.softmax(-0.5 * (far / TARGET_SPREAD_STEPS) ** 2, -1)
        missed: Tensor = -(wanted * self(features).log_softmax(-1)).sum()
        return missed / max(1, 4 * len(boxes))
