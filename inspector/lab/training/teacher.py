"""What stage 1's heads make of a part: how likely it is NG, as the teacher of stage 2.

A head's odds mean another thing on each product, and in a closer look than in a whole picture: a logistic regression on
parts that no lesson shows puts them right (Platt, Probabilistic outputs for support vector machines, 1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inspector.domain import prompts as view
from inspector.lab.synthetic import PRODUCTS
from inspector.lab.training.datasets import Conversation, ConversationDataset, stream_batches
from inspector.lab.training.precision import matmul_autocast
from inspector.lab.training.vision_stage import VisionHeads
from inspector.lab.training.vision_tower import VisionFeatures, patchify, run_tower

FIT_BATCHES: Final = 60
FIRST_FIT_STEP: Final = 1_000_000  # step of them: beyond those of any training
FIT_ITERATIONS: Final = 60
RIDGE_PENALTY: Final = 1e-2  # holds the few weights where a product is never in doubt
PICTURE_KINDS: Final = {
    (name, closer): 2 * index + closer for index, name in enumerate(PRODUCTS) for closer in (False, True)
}


class Teacher:
    """Heads with the weights of their odds, fitted on pictures of their own that `seed` draws."""

    def __init__(self, heads: VisionHeads, seed: int, visual: Any, batches: int = FIT_BATCHES) -> None:
        self._heads, self._device = heads, heads.weights.device
        inputs, ng = [], list[bool]()
        for drawn in stream_batches(ConversationDataset(seed, FIRST_FIT_STEP, FIRST_FIT_STEP + batches)):
            lone = [
                conversation for conversation in drawn if conversation.asks_verdict and is_single_product(conversation)
            ]
            with torch.no_grad(), matmul_autocast(self._device):
                inputs.append(self._inputs(lone, extract_features(visual, lone)))
            ng += [bool(conversation.pictures[0].flaws) for conversation in lone]
        self._weights = fit_logistic_regression(torch.cat(inputs), torch.tensor(ng, device=self._device))

    def log_odds(self, conversations: Sequence[Conversation], features: VisionFeatures) -> Tensor:
        """[cases]: of a flaw in the last picture of each; `features` are those of all their pictures."""
        return self._inputs(conversations, features) @ self._weights

    def _inputs(self, conversations: Sequence[Conversation], features: VisionFeatures) -> Tensor:
        lasts = (
            torch.tensor([len(conversation.pictures) for conversation in conversations], device=self._device).cumsum(0)
            - 1
        )
        kinds = [
            PICTURE_KINDS[conversation.product, conversation.view_pictures is view.Pictures.ZOOM]
            for conversation in conversations
        ]
        known = F.one_hot(torch.tensor(kinds, device=self._device), len(PICTURE_KINDS)).float()
        return torch.cat([self._heads.max_flaw_log_odds(features)[lasts], known], dim=1)


def is_single_product(conversation: Conversation) -> bool:
    """Whether it shows one picture, and that of the product."""
    return len(conversation.pictures) == 1 and conversation.pictures[0].in_scope


def extract_features(visual: Any, conversations: Sequence[Conversation]) -> VisionFeatures:
    """The features of all pictures of these cases."""
    pictures = np.stack([picture.pixels for conversation in conversations for picture in conversation.pictures])
    return run_tower(visual, patchify(pictures).to(visual.patch_embed.proj.weight.device))


def fit_logistic_regression(inputs: Tensor, ng: Tensor) -> Tensor:
    """The logistic regression's weights, for inputs [parts, weights] and whether each part is NG [parts]."""
    weights = torch.zeros(inputs.shape[1], device=inputs.device, requires_grad=True)
    search = torch.optim.LBFGS([weights], max_iter=FIT_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        missed = (
            F.binary_cross_entropy_with_logits(inputs @ weights, ng.float()) + RIDGE_PENALTY * weights.square().mean()
        )
        missed.backward()  # type: ignore[no-untyped-call]
        return missed

    search.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach()
