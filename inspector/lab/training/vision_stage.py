"""Stage 1: the vision tower learns to classify patches, through heads that later act as the teacher of stage 2.

The heads predict, from features of the tower:
- per patch: the class of flaw, and the flaw's outline within the patch;
- per visual token: the class, and the flaw's box in coordinate words of the report;
- per picture: whether it is NG, from its most suspicious patch, because that one causes a false reject;
- per picture: class and box of the main flaw, from the mean of its tokens, because a language model
  that has not yet learned where to attend reads such a mean.

Trained through the language model from the start, with the same number of frames, the model stayed at chance.
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
from inspector.lab.training.datasets import PatchDataset, TowerBatch, random_sample, stack_pictures, stream_batches
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
from inspector.lab.training.vision_tower import TowerFeatures, block_order, patchify, run_tower
from inspector.numerics.classification_metrics import auroc

FLAW_CLASS_WEIGHT: Final = 3.0  # loss weight of a patch with a flaw: nearly all patches are good
TOKEN_LOSS_WEIGHT: Final = 0.5
OUTLINE_LOSS_WEIGHT: Final = 0.3
BOX_LOSS_WEIGHT: Final = 0.4
MAIN_FLAW_LOSS_WEIGHT: Final = 0.15
PICTURE_LOSS_WEIGHT: Final = 0.15
WHITEN_STEPS: Final = 12  # batches for the principal components
# Share of the steps that use crops. Crops teach flaws; whole pictures teach how suspicious a good part may look.
CROP_STEPS_SHARE: Final = 0.7
MEAN_GAIN: Final = 10.0  # scales the mean of tokens: only few of them show the flaw
VALIDATION_FRAMES: Final = 160  # frames per validation
VALIDATION_BATCH: Final = 32  # frames per forward pass
StepReport = Callable[[int, dict[str, float]], None]


class VisionTargets(NamedTuple):
    """The ground truth of a batch, in the order of `patchify`.

    `labels` [pictures, patches], `boxes` [pictures, tokens, 4], `outlines` [pictures, patches, CELLS_PER_PATCH],
    `main_class` [pictures], `main_box` [pictures, 4].
    """

    labels: Tensor
    boxes: Tensor
    outlines: Tensor
    main_class: Tensor
    main_box: Tensor


class VisionHeads(nn.Module):
    """Heads for class and outline per patch, class and box per visual token, and the main flaw per picture."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Linear(VISION_WIDTH, len(CLASSES) + 1)
        self.token = nn.Linear(TEXT_WIDTH, len(CLASSES) + 1)
        self.outline = nn.Linear(VISION_WIDTH, CELLS_PER_PATCH)
        self.box = BoxHead(TEXT_WIDTH)
        self.main_class = nn.Linear(TEXT_WIDTH, len(CLASSES) + 1)
        self.main_box = BoxHead(TEXT_WIDTH)
        self.weights = nn.Buffer(torch.tensor([1.0] + [FLAW_CLASS_WEIGHT] * len(CLASSES)))

    def loss(self, features: TowerFeatures, targets: VisionTargets) -> Tensor:
        """Return the weighted sum of all losses."""
        labels, boxes = targets.labels, targets.boxes
        per_token, has_box = labels.view(len(labels), -1, MERGE_SIZE**2).amax(-1), ~boxes[..., 0].isnan()
        patches, tokens = self.patch(features.patches).float(), self.token(features.tokens).float()
        return (
            self._class_loss(patches, labels)
            + TOKEN_LOSS_WEIGHT * self._class_loss(tokens, per_token)
            + PICTURE_LOSS_WEIGHT * (_picture_loss(patches, labels) + _picture_loss(tokens, per_token))
            + OUTLINE_LOSS_WEIGHT * self._outline_loss(features.patches, labels, targets.outlines)
            + BOX_LOSS_WEIGHT * self.box.loss(features.tokens[has_box], boxes[has_box])
            + MAIN_FLAW_LOSS_WEIGHT * self._main_flaw_loss(features.tokens, targets.main_class, targets.main_box)
        )

    def _main_flaw_loss(self, tokens: Tensor, classes: Tensor, boxes: Tensor) -> Tensor:
        """Return the loss of class and box of each picture's main flaw, from the mean of its tokens.

        The tokens are normalised as in the language model's first layer.
        """
        mean, has_flaw = F.rms_norm(tokens.float(), tokens.shape[-1:]).mean(1) * MEAN_GAIN, classes > 0
        return F.cross_entropy(self.main_class(mean).float(), classes) + self.main_box.loss(
            mean[has_flaw], boxes[has_flaw]
        )

    def _outline_loss(self, patches: Tensor, labels: Tensor, outlines: Tensor) -> Tensor:
        """Return the loss of the cells that a flaw covers, in patches that show one."""
        has_flaw = labels > 0
        return F.binary_cross_entropy_with_logits(self.outline(patches[has_flaw]).float(), outlines[has_flaw].float())

    def _class_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the classification loss; ignored labels do not count."""
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), self.weights, ignore_index=IGNORED_LABEL)

    def max_flaw_log_odds(self, features: TowerFeatures) -> Tensor:
        """Return the log-odds of a flaw in the most suspicious patch and token [pictures, 2]."""
        logits = self.patch(features.patches), self.token(features.tokens)
        return torch.stack([_max_flaw_log_odds(each.float()) for each in logits], -1)


def _picture_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of classifying a picture by its most suspicious place.

    Pictures that show only the edge of a flaw do not count.
    """
    ng, clean = (labels > 0).any(-1), (labels == 0).all(-1)
    worst = F.binary_cross_entropy_with_logits(_max_flaw_log_odds(logits), ng.float(), reduction="none")
    counted = (ng | clean).float()
    return (worst * counted).sum() / counted.sum().clamp(min=1.0)


def _max_flaw_log_odds(logits: Tensor) -> Tensor:
    """Return the highest log-odds of any flaw [pictures], from logits [pictures, places, classes]."""
    return (logits[..., 1:].logsumexp(-1) - logits[..., 0]).amax(-1)


def vision_step(visual: Any, heads: VisionHeads, batch: TowerBatch) -> Tensor:
    """Return the loss of one batch."""
    device = heads.weights.device
    with matmul_autocast(device):
        features = run_tower(visual, patchify(batch.pictures).to(device))
        return heads.loss(features, VisionTargets(*(each.to(device) for each in _vision_targets(batch))))


def _vision_targets(batch: TowerBatch) -> VisionTargets:
    """Return the batch's ground truth in the order of `patchify`."""
    boxes, main = torch.as_tensor(batch.boxes).flatten(1, 2), torch.as_tensor(batch.main_class)
    return VisionTargets(
        block_order(batch.labels), boxes, block_order(batch.outlines), main, torch.as_tensor(batch.main_box)
    )


def train_vision(
    visual: Any, heads: VisionHeads, optimizer: Optimizer, seed: int, steps: range, total: int, report: StepReport
) -> None:
    """Run the given steps of `total` and call `report` after each."""
    dataset = PatchDataset(seed, steps.start, steps.stop, crop_steps=round(CROP_STEPS_SHARE * total))
    for step, batch in zip(steps, stream_batches(dataset), strict=True):
        loss = vision_step(visual, heads, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(step, total)
        report(step, {"vision_loss": loss.item()})


def whiten_patch_embedding(visual: Any, seed: int) -> None:
    """Initialise the patch embedding with the principal components of real patches, at equal variance."""
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
    """Return the AUROC of the most suspicious patch, on whole frames, half of them good, disturbed as in training."""
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
