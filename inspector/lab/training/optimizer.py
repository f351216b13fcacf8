"""The optimizer: Muon for the matrices inside the towers, AdamW for all other weights, one schedule for both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

MUON_LEARNING_RATE: Final = 4e-3  # Muon scales it to AdamW's root mean square per step
ADAM_LEARNING_RATE: Final = 1.5e-3
WEIGHT_DECAY: Final = 0.01
WARM_UP_STEPS: Final = 60
MAX_GRADIENT_NORM: Final = 1.0
MIN_MUON_OUTPUTS: Final = 64  # outputs of a linear layer; AdamW trains smaller ones


class Optimizer:
    """Muon and AdamW as one optimizer.

    `modules` are split between both; `heads` are trained by AdamW. `rate` scales all learning rates.
    """

    def __init__(self, modules: Sequence[nn.Module], heads: Sequence[nn.Module] = (), rate: float = 1.0) -> None:
        self.parameters = [p for module in (*modules, *heads) for p in module.parameters() if p.requires_grad]
        inner = [p for module in modules for p in _matrices(module)]
        muon_ids = {id(p) for p in inner}
        rest = [p for p in self.parameters if id(p) not in muon_ids]
        self.rate = rate
        self.muon = torch.optim.Muon(
            inner, lr=MUON_LEARNING_RATE, weight_decay=WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"
        )
        self.adam = torch.optim.AdamW(rest, lr=ADAM_LEARNING_RATE, weight_decay=0.0, betas=(0.9, 0.98))

    def step(self, done: int, steps: int) -> None:
        """Apply and clear the gradients; `done` of `steps` sets the learning rate."""
        factor = self.rate * rate_factor(done, steps)
        nn.utils.clip_grad_norm_(self.parameters, MAX_GRADIENT_NORM)
        for inner, rate in ((self.muon, MUON_LEARNING_RATE), (self.adam, ADAM_LEARNING_RATE)):
            for group in inner.param_groups:
                group["lr"] = rate * factor
            inner.step()  # type: ignore[no-untyped-call]
            inner.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, object]:
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])


def _matrices(module: nn.Module) -> list[Tensor]:
    """Return the weights of large linear layers; heads and embeddings (a tied head is one) learn better with AdamW."""
    embeddings = {id(layer.weight) for layer in module.modules() if isinstance(layer, nn.Embedding)}
    linear = [
        layer for layer in module.modules() if isinstance(layer, nn.Linear) and layer.out_features >= MIN_MUON_OUTPUTS
    ]
    return [layer.weight for layer in linear if id(layer.weight) not in embeddings]


def rate_factor(done: int, steps: int) -> float:
    """Return the learning rate's factor: linear warm-up, then linear decay to 0."""
    return max(0.0, min((done + 1) / WARM_UP_STEPS, 1.0 - done / steps))
