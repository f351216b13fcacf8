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

from inspector.lab.training.architecture import MERGE, TEXT_WIDTH, VISION_WIDTH
from inspector.lab.training.coordinates import BoxHead
from inspector.lab.training.feed import Patches, PatchLessons, random_sample, stack, stream
from inspector.lab.training.optimizer import Optimizer
from inspector.lab.training.precision import products
from inspector.lab.training.shots import CELLS, CLASSES, UNSURE, disturb, shoot, whole
from inspector.lab.training.tower import Features, block_order, patchify, see
from inspector.tuning.classification_metrics import auroc

FLAW_WEIGHT: Final = 3.0  # nearly all patches are good
TOKEN_SHARE: Final = 0.5
OUTLINE_SHARE: Final = 0.3
BOX_SHARE: Final = 0.4
MAIN_SHARE: Final = 0.15
PICTURE_SHARE: Final = 0.15
WHITEN_STEPS: Final = 12
PARTS_SHARE: Final = 0.7  # of the steps: flaws are learned in parts of pictures, how much is suspicious in whole ones
MEAN_GAIN: Final = 10.0  # a flaw is in few of a picture's tokens
CHECK_FRAMES: Final = 160
CHECK_GROUP: Final = 32
Report = Callable[[int, dict[str, float]], None]


class Wanted(NamedTuple):
    """What is true of a batch, in the order of patchify: `labels` [pictures, patches], `boxes` [pictures, tokens, 4],
    `outlines` [pictures, patches, CELLS], `main_class` [pictures], `main_box` [pictures, 4]."""

    labels: Tensor
    boxes: Tensor
    outlines: Tensor
    main_class: Tensor
    main_box: Tensor


class Heads(nn.Module):
    """What a patch shows, and where in it; what a visual token shows, and the box of it; and what their mean shows."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Linear(VISION_WIDTH, len(CLASSES) + 1)
        self.token = nn.Linear(TEXT_WIDTH, len(CLASSES) + 1)
        self.outline = nn.Linear(VISION_WIDTH, CELLS)
        self.box = BoxHead(TEXT_WIDTH)
        self.main_class = nn.Linear(TEXT_WIDTH, len(CLASSES) + 1)
        self.main_box = BoxHead(TEXT_WIDTH)
        self.weights = nn.Buffer(torch.tensor([1.0] + [FLAW_WEIGHT] * len(CLASSES)))

    def loss(self, features: Features, wanted: Wanted) -> Tensor:
        labels, boxes = wanted.labels, wanted.boxes
        per_token, placed = labels.view(len(labels), -1, MERGE**2).amax(-1), ~boxes[..., 0].isnan()
        patches, tokens = self.patch(features.patches).float(), self.token(features.tokens).float()
        return (
            self._scored(patches, labels)
            + TOKEN_SHARE * self._scored(tokens, per_token)
            + PICTURE_SHARE * (_whole_picture(patches, labels) + _whole_picture(tokens, per_token))
            + OUTLINE_SHARE * self._outlined(features.patches, labels, wanted.outlines)
            + BOX_SHARE * self.box.loss(features.tokens[placed], boxes[placed])
            + MAIN_SHARE * self._summed_up(features.tokens, wanted.main_class, wanted.main_box)
        )

    def _summed_up(self, tokens: Tensor, classes: Tensor, boxes: Tensor) -> Tensor:
        """Class and box of each picture's plainest flaw, from the mean of its tokens, normed as the language model's
        first layer norms them."""
        mean, there = F.rms_norm(tokens.float(), tokens.shape[-1:]).mean(1) * MEAN_GAIN, classes > 0
        return F.cross_entropy(self.main_class(mean).float(), classes) + self.main_box.loss(mean[there], boxes[there])

    def _outlined(self, patches: Tensor, labels: Tensor, outlines: Tensor) -> Tensor:
        """Which cells a flaw covers, in the patches that show one."""
        shown = labels > 0
        return F.binary_cross_entropy_with_logits(self.outline(patches[shown]).float(), outlines[shown].float())

    def _scored(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), self.weights, ignore_index=UNSURE)

    def suspicion(self, features: Features) -> Tensor:
        """[pictures, 2]: log-odds of a flaw in the most suspicious patch and in the most suspicious visual token."""
        logits = self.patch(features.patches), self.token(features.tokens)
        return torch.stack([_worst(each.float()) for each in logits], -1)


def _whole_picture(logits: Tensor, labels: Tensor) -> Tensor:
    """Loss of calling a picture by its most suspicious place; pictures that show a flaw's edge only don't count."""
    ng, clean = (labels > 0).any(-1), (labels == 0).all(-1)
    worst = F.binary_cross_entropy_with_logits(_worst(logits), ng.float(), reduction="none")
    counted = (ng | clean).float()
    return (worst * counted).sum() / counted.sum().clamp(min=1.0)


def _worst(logits: Tensor) -> Tensor:
    """[pictures]: the highest log-odds of any flaw, from logits [pictures, places, classes]."""
    return (logits[..., 1:].logsumexp(-1) - logits[..., 0]).amax(-1)


def vision_step(visual: Any, heads: Heads, batch: Patches) -> Tensor:
    """Loss of one batch."""
    device = heads.weights.device
    with products(device):
        seen = see(visual, patchify(batch.pictures).to(device))
        return heads.loss(seen, Wanted(*(each.to(device) for each in _wanted(batch))))


def _wanted(batch: Patches) -> Wanted:
    boxes, main = torch.as_tensor(batch.boxes).flatten(1, 2), torch.as_tensor(batch.main_class)
    return Wanted(block_order(batch.labels), boxes, block_order(batch.outlines), main, torch.as_tensor(batch.main_box))


def train_vision(
    visual: Any, heads: Heads, optimizer: Optimizer, seed: int, steps: range, total: int, report: Report
) -> None:
    """Runs these steps of `total`; `report` is told after each."""
    drawn = PatchLessons(seed, steps.start, steps.stop, parts=round(PARTS_SHARE * total))
    for step, batch in zip(steps, stream(drawn), strict=True):
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
    device = heads.weights.device
    with torch.no_grad(), products(device):
        scores = [heads.suspicion(see(visual, patchify(group).to(device)))[:, 0] for group in groups]
    return {"vision_auroc": auroc(torch.cat(scores).cpu().numpy(), np.array([sample.ng for sample in samples]))}
