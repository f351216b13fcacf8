"""The teacher of stage 2: predicts with stage 1's heads how likely a part is NG.

A head's log-odds mean something different on each product, and in a detail than in a whole picture. A logistic
regression corrects them, fitted on parts that no training step shows (Platt, Probabilistic outputs for support vector
machines, 1999).
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
from inspector.lab.training.vision_tower import TowerFeatures, patchify, run_tower

FIT_BATCHES: Final = 60  # batches of conversations for the fit
FIRST_FIT_STEP: Final = 1_000_000  # first step of the fitted batches, beyond the steps of any training run
FIT_ITERATIONS: Final = 60
RIDGE_PENALTY: Final = 1e-2  # bounds the weights where a product's parts are perfectly separable
PICTURE_KINDS: Final = {
    (name, closer): 2 * index + closer for index, name in enumerate(PRODUCTS) for closer in (False, True)
}


class Teacher:
    """Stage 1's heads with a logistic regression over their log-odds, fitted on pictures drawn from `seed`."""

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

    def log_odds(self, conversations: Sequence[Conversation], features: TowerFeatures) -> Tensor:
        """Return the log-odds of a flaw in each conversation's last picture [conversations].

        `features` are those of all pictures of the conversations.
        """
        return self._inputs(conversations, features) @ self._weights

    def _inputs(self, conversations: Sequence[Conversation], features: TowerFeatures) -> Tensor:
        """Return the regression's inputs: the heads' log-odds and a one-hot kind of picture."""
        lasts = (
            torch.tensor([len(conversation.pictures) for conversation in conversations], device=self._device).cumsum(0)
            - 1
        )
        kinds = [
            PICTURE_KINDS[conversation.product, conversation.view_pictures is view.Pictures.ZOOM]
            for conversation in conversations
        ]
        one_hot_kind = F.one_hot(torch.tensor(kinds, device=self._device), len(PICTURE_KINDS)).float()
        return torch.cat([self._heads.max_flaw_log_odds(features)[lasts], one_hot_kind], dim=1)


def is_single_product(conversation: Conversation) -> bool:
    """Tell whether the conversation has one picture and the picture shows the product."""
    return len(conversation.pictures) == 1 and conversation.pictures[0].in_scope


def extract_features(visual: Any, conversations: Sequence[Conversation]) -> TowerFeatures:
    """Return the features of all pictures of these conversations."""
    pictures = np.stack([picture.pixels for conversation in conversations for picture in conversation.pictures])
    return run_tower(visual, patchify(pictures).to(visual.patch_embed.proj.weight.device))


def fit_logistic_regression(inputs: Tensor, ng: Tensor) -> Tensor:
    """Fit weights for inputs [parts, weights] and NG labels [parts]."""
    weights = torch.zeros(inputs.shape[1], device=inputs.device, requires_grad=True)
    search = torch.optim.LBFGS([weights], max_iter=FIT_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        cross_entropy = F.binary_cross_entropy_with_logits(inputs @ weights, ng.float())
        fit_loss = cross_entropy + RIDGE_PENALTY * weights.square().mean()
        fit_loss.backward()  # type: ignore[no-untyped-call]
        return fit_loss

    search.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach()
