"""Stage 1: the vision tower alone learns to name what lies in each patch, through heads that teach stage 2.

Patches also learn a flaw's outline within them, visual tokens where the flaw that they show begins and ends, in the
language of the report. Whole pictures learn whether they are good by their worst patch: that of a good part is what
makes it a false reject; and the mean of their tokens what their plainest flaw is and where: a language model that does
not know yet where to look reads a mean at once.
Trained through the language model from the start, the same number of frames left it at chance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inspector.lab.training.architecture import MERGE_SIZE, TEXT_WIDTH, VISION_WIDTH
from inspector.lab.training.coordinate_code import BoxHead
from inspector.lab.training.datasets import PatchBatch, PatchDataset, random_sample, stack_pictures, stream_batches
from inspector.lab.training.optimizer import Optimizer
from inspector.lab.training.precision import matmul_autocast
from inspector.lab.training.training_pictures import (
    CELLS_PER_PATCH,
    CLASSES,
    IGNORED_LABEL,
    disturb,
    training_picture,
    whole_window,
)
from inspector.lab.training.vision_tower import VisionFeatures, block_order, patchify, run_tower
from inspector.tuning.classification_metrics import auroc

FLAW_CLASS_WEIGHT: Final = 3.0  # nearly all patches are good
TOKEN_LOSS_WEIGHT: Final = 0.5
OUTLINE_LOSS_WEIGHT: Final = 0.3
BOX_LOSS_WEIGHT: Final = 0.4
MAIN_FLAW_LOSS_WEIGHT: Final = 0.15
PICTURE_LOSS_WEIGHT: Final = 0.15
WHITEN_STEPS: Final = 12
CROP_STEPS_SHARE: Final = (
    0.7  # of the steps: flaws are learned in parts of pictures, how much is suspicious in whole ones
)
MEAN_GAIN: Final = 10.0  # a flaw is in few of a picture's tokens
VALIDATION_FRAMES: Final = 160
VALIDATION_BATCH: Final = 32
StepReport = Callable[[int, dict[str, float]], None]


class VisionTargets(NamedTuple):
    """What is true of a batch, in the order of patchify: `labels` [pictures, patches], `boxes` [pictures, tokens, 4],
    `outlines` [pictures, patches, CELLS], `main_class` [pictures], `main_box` [pictures, 4]."""

    labels: Tensor
    boxes: Tensor
    outlines: Tensor
    main_class: Tensor
    main_box: Tensor


class VisionHeads(nn.Module):
    """What a patch shows, and where in it; what a visual token shows, and the box of it; and what their mean shows."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Linear(VISION_WIDTH, len(CLASSES) + 1)
        self.token = nn.Linear(TEXT_WIDTH, len(CLASSES) + 1)
        self.outline = nn.Linear(VISION_WIDTH, CELLS_PER_PATCH)
        self.box = BoxHead(TEXT_WIDTH)
        self.main_class = nn.Linear(TEXT_WIDTH, len(CLASSES) + 1)
        self.main_box = BoxHead(TEXT_WIDTH)
        self.weights = nn.Buffer(torch.tensor([1.0] + [FLAW_CLASS_WEIGHT] * len(CLASSES)))

    def loss(self, features: VisionFeatures, wanted: VisionTargets) -> Tensor:
        labels, boxes = wanted.labels, wanted.boxes
        per_token, placed = labels.view(len(labels), -1, MERGE_SIZE**2).amax(-1), ~boxes[..., 0].isnan()
        patches, tokens = self.patch(features.patches).float(), self.token(features.tokens).float()
        return (
            self._class_loss(patches, labels)
            + TOKEN_LOSS_WEIGHT * self._class_loss(tokens, per_token)
            + PICTURE_LOSS_WEIGHT * (_picture_loss(patches, labels) + _picture_loss(tokens, per_token))
            + OUTLINE_LOSS_WEIGHT * self._outline_loss(features.patches, labels, wanted.outlines)
            + BOX_LOSS_WEIGHT * self.box.loss(features.tokens[placed], boxes[placed])
            + MAIN_FLAW_LOSS_WEIGHT * self._main_flaw_loss(features.tokens, wanted.main_class, wanted.main_box)
        )

    def _main_flaw_loss(self, tokens: Tensor, classes: Tensor, boxes: Tensor) -> Tensor:
        """Class and box of each picture's plainest flaw, from the mean of its tokens, normed as the language model's
        first layer norms them."""
        mean, there = F.rms_norm(tokens.float(), tokens.shape[-1:]).mean(1) * MEAN_GAIN, classes > 0
        return F.cross_entropy(self.main_class(mean).float(), classes) + self.main_box.loss(mean[there], boxes[there])

    def _outline_loss(self, patches: Tensor, labels: Tensor, outlines: Tensor) -> Tensor:
        """Which cells a flaw covers, in the patches that show one."""
        shown = labels > 0
        return F.binary_cross_entropy_with_logits(self.outline(patches[shown]).float(), outlines[shown].float())

    def _class_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), self.weights, ignore_index=IGNORED_LABEL)

    def max_flaw_log_odds(self, features: VisionFeatures) -> Tensor:
        """[pictures, 2]: log-odds of a flaw in the most suspicious patch and in the most suspicious visual token."""
        logits = self.patch(features.patches), self.token(features.tokens)
        return torch.stack([_max_flaw_log_odds(each.float()) for each in logits], -1)


def _picture_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Loss of calling a picture by its most suspicious place; pictures that show a flaw's edge only don't count."""
    ng, clean = (labels > 0).any(-1), (labels == 0).all(-1)
    worst = F.binary_cross_entropy_with_logits(_max_flaw_log_odds(logits), ng.float(), reduction="none")
    counted = (ng | clean).float()
    return (worst * counted).sum() / counted.sum().clamp(min=1.0)


def _max_flaw_log_odds(logits: Tensor) -> Tensor:
    """[pictures]: the highest log-odds of any flaw, from logits [pictures, places, classes]."""
    return (logits[..., 1:].logsumexp(-1) - logits[..., 0]).amax(-1)


def vision_step(visual: Any, heads: VisionHeads, batch: PatchBatch) -> Tensor:
    """Loss of one batch."""
    device = heads.weights.device
    with matmul_autocast(device):
        features = run_tower(visual, patchify(batch.pictures).to(device))
        return heads.loss(features, VisionTargets(*(each.to(device) for each in _vision_targets(batch))))


def _vision_targets(batch: PatchBatch) -> VisionTargets:
    boxes, main = torch.as_tensor(batch.boxes).flatten(1, 2), torch.as_tensor(batch.main_class)
    return VisionTargets(
        block_order(batch.labels), boxes, block_order(batch.outlines), main, torch.as_tensor(batch.main_box)
    )


def train_vision(
    visual: Any, heads: VisionHeads, optimizer: Optimizer, seed: int, steps: range, total: int, report: StepReport
) -> None:
    """Runs these steps of `total`; `report` is told after each."""
    drawn = PatchDataset(seed, steps.start, steps.stop, parts=round(CROP_STEPS_SHARE * total))
    for step, batch in zip(steps, stream_batches(drawn), strict=True):
        loss = vision_step(visual, heads, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(step, total)
        report(step, {"vision_loss": loss.item()})


def whiten_patch_embedding(visual: Any, seed: int) -> None:
    """Starts the patch embedding at the principal components of real patches, each with the same spread."""
    dataset = PatchDataset(seed, 0, WHITEN_STEPS)
    patches = torch.cat([patchify(dataset[index].pictures).flatten(0, 1)[::7] for index in range(len(dataset))])
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((patches - mean).T))
    top = vectors[:, -VISION_WIDTH:] / (values[-VISION_WIDTH:] + 1e-3).sqrt()
    proj = visual.patch_embed.proj
    with torch.no_grad():
        proj.weight.copy_(0.5 * top.T.reshape(VISION_WIDTH, 3, 1, *proj.kernel_size[1:]).expand_as(proj.weight))
        proj.bias.copy_(-(mean @ top))


def validate_vision(visual: Any, heads: VisionHeads, frames: int = VALIDATION_FRAMES) -> dict[str, float]:
    """AUROC of the most suspicious patch on whole frames, half of them good, disturbed as in training."""
    rng = np.random.default_rng(99)
    samples = [random_sample(rng, index % 2) for index in range(frames)]
    pictures = [
        training_picture(rng, sample, disturb(rng, sample.pixels), whole_window(rng, len(sample.pixels)))
        for sample in samples
    ]
    groups = [
        stack_pictures(pictures[start : start + VALIDATION_BATCH]).pictures
        for start in range(0, frames, VALIDATION_BATCH)
    ]
    device = heads.weights.device
    with torch.no_grad(), matmul_autocast(device):
        scores = [heads.max_flaw_log_odds(run_tower(visual, patchify(group).to(device)))[:, 0] for group in groups]
    return {"vision_auroc": auroc(torch.cat(scores).cpu().numpy(), np.array([sample.ng for sample in samples]))}
