"""Stage 1: the vision tower alone learns to name what lies in each patch, through heads that are thrown away.

Trained through the language model from the start, the same number of frames left it at chance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inspector.training.architecture import MERGE, TEXT_WIDTH, VISION_WIDTH
from inspector.training.feed import Patches, PatchLessons, random_sample, stack, stream
from inspector.training.optimizer import Optimizer
from inspector.training.scores import auroc
from inspector.training.shots import CLASSES, UNSURE, disturb, shoot, whole
from inspector.training.tower import Features, block_order, patchify, see

FLAW_WEIGHT: Final = 3.0  # nearly all patches are good
TOKEN_SHARE: Final = 0.5
WHITEN_STEPS: Final = 12
CHECK_FRAMES: Final = 160
CHECK_GROUP: Final = 32
Report = Callable[[int, dict[str, float]], None]


class Heads(nn.Module):
    """What a patch shows, and what a visual token shows."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Linear(VISION_WIDTH, len(CLASSES) + 1)
        self.token = nn.Linear(TEXT_WIDTH, len(CLASSES) + 1)
        self.weights = nn.Buffer(torch.tensor([1.0] + [FLAW_WEIGHT] * len(CLASSES)))

    def loss(self, features: Features, labels: Tensor) -> Tensor:
        per_token = labels.view(len(labels), -1, MERGE**2).amax(-1)
        return self._scored(self.patch(features.patches), labels) + TOKEN_SHARE * self._scored(
            self.token(features.tokens), per_token
        )

    def _scored(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), self.weights, ignore_index=UNSURE)

    def suspicion(self, features: Features) -> Tensor:
        """Per picture: how sure the most suspicious patch is of a flaw."""
        good: Tensor = self.patch(features.patches).float().softmax(-1)[..., 0]
        return 1.0 - good.amin(-1)


def vision_step(visual: Any, heads: Heads, batch: Patches) -> Tensor:
    """Loss of one batch."""
    with torch.autocast("cpu", torch.bfloat16):
        return heads.loss(see(visual, patchify(batch.pictures)), block_order(batch.labels))


def train_vision(
    visual: Any, heads: Heads, optimizer: Optimizer, seed: int, steps: range, total: int, report: Report
) -> None:
    """Runs these steps of `total`; `report` is told after each."""
    for step, batch in zip(steps, stream(PatchLessons(seed, steps.start, steps.stop)), strict=True):
        loss = vision_step(visual, heads, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(step, total)
        report(step, {"vision_loss": loss.item()})


def whiten(visual: Any, seed: int) -> None:
    """Starts the patch embedding at the principal components of real patches, each with the same spread."""
    lessons = PatchLessons(seed, 0, WHITEN_STEPS)
    patches = torch.cat([patchify(lessons[index].pictures).flatten(0, 1)[::7] for index in range(len(lessons))])
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((patches - mean).T))
    top = vectors[:, -VISION_WIDTH:] / (values[-VISION_WIDTH:] + 1e-3).sqrt()
    proj = visual.patch_embed.proj
    with torch.no_grad():
        proj.weight.copy_(0.5 * top.T.reshape(VISION_WIDTH, 3, 1, *proj.kernel_size[1:]).expand_as(proj.weight))
        proj.bias.copy_(-(mean @ top))


def check_vision(visual: Any, heads: Heads, frames: int = CHECK_FRAMES) -> dict[str, float]:
    """AUROC of the most suspicious patch on whole frames, half of them good, disturbed as in training."""
    rng = np.random.default_rng(99)
    samples = [random_sample(rng, index % 2) for index in range(frames)]
    shots = [shoot(rng, sample, disturb(rng, sample.pixels), whole(rng, len(sample.pixels))) for sample in samples]
    groups = [stack(shots[start : start + CHECK_GROUP]).pictures for start in range(0, frames, CHECK_GROUP)]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        scores = [heads.suspicion(see(visual, patchify(group))) for group in groups]
    return {"vision_auroc": auroc(torch.cat(scores).numpy(), np.array([sample.ng for sample in samples]))}
