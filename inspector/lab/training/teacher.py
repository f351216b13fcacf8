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
from inspector.lab.training.feed import Case, Conversations, stream
from inspector.lab.training.precision import products
from inspector.lab.training.tower import Features, patchify, see
from inspector.lab.training.vision_stage import Heads

FIT_BATCHES: Final = 60
FIRST: Final = 1_000_000  # step of them: beyond those of any training
FIT_ROUNDS: Final = 60
RIDGE: Final = 1e-2  # holds the few weights where a product is never in doubt
KINDS: Final = {(name, closer): 2 * index + closer for index, name in enumerate(PRODUCTS) for closer in (False, True)}


class Teacher:
    """Heads with the weights of their odds, fitted on pictures of their own that `seed` draws."""

    def __init__(self, heads: Heads, seed: int, visual: Any, batches: int = FIT_BATCHES) -> None:
        self._heads, self._device = heads, heads.weights.device
        inputs, ng = [], list[bool]()
        for drawn in stream(Conversations(seed, FIRST, FIRST + batches)):
            lone = [case for case in drawn if case.judged and is_lone(case)]
            with torch.no_grad(), products(self._device):
                inputs.append(self._inputs(lone, look(visual, lone)))
            ng += [bool(case.shots[0].flaws) for case in lone]
        self._weights = fitted(torch.cat(inputs), torch.tensor(ng, device=self._device))

    def log_odds(self, cases: Sequence[Case], features: Features) -> Tensor:
        """[cases]: of a flaw in the last picture of each; `features` are those of all their pictures."""
        return self._inputs(cases, features) @ self._weights

    def _inputs(self, cases: Sequence[Case], features: Features) -> Tensor:
        lasts = torch.tensor([len(case.shots) for case in cases], device=self._device).cumsum(0) - 1
        kinds = [KINDS[case.product, case.asked is view.Pictures.ZOOM] for case in cases]
        known = F.one_hot(torch.tensor(kinds, device=self._device), len(KINDS)).float()
        return torch.cat([self._heads.suspicion(features)[lasts], known], dim=1)


def is_lone(case: Case) -> bool:
    """Whether it shows one picture, and that of the product."""
    return len(case.shots) == 1 and case.shots[0].in_scope


def look(visual: Any, cases: Sequence[Case]) -> Features:
    """The features of all pictures of these cases."""
    pictures = np.stack([shot.pixels for case in cases for shot in case.shots])
    return see(visual, patchify(pictures).to(visual.patch_embed.proj.weight.device))


def fitted(inputs: Tensor, ng: Tensor) -> Tensor:
    """The logistic regression's weights, for inputs [parts, weights] and whether each part is NG [parts]."""
    weights = torch.zeros(inputs.shape[1], device=inputs.device, requires_grad=True)
    search = torch.optim.LBFGS([weights], max_iter=FIT_ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        missed = F.binary_cross_entropy_with_logits(inputs @ weights, ng.float()) + RIDGE * weights.square().mean()
        missed.backward()  # type: ignore[no-untyped-call]
        return missed

    search.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach()
