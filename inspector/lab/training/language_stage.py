"""Stage 2: the language model learns to answer questions from the features of the vision tower.

The tower stays frozen, mergers included. When it was trained along, at a rate that suits the language model, the AUROC
of its patches fell from 0.90 to 0.70 in 200 steps, because these frames show far fewer flaws than stage 1's. With only
the mergers trained along, the share of boxes that fit fell from 0.38 to 0.06 in 1,300 steps.

A label of yes or no teaches little where a flaw is faint. So the target of a verdict lies between the label and the
prediction of the tower's own heads for the same picture. The heads of stage 1 act as the teacher (Hinton et al.,
Distilling the knowledge in a neural network, 2015).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inspector.lab.training.datasets import Conversation, ConversationDataset, stream_batches
from inspector.lab.training.example_encoder import ExampleEncoder, RowBatch
from inspector.lab.training.optimizer import Optimizer
from inspector.lab.training.precision import matmul_autocast
from inspector.lab.training.teacher import FIT_BATCHES, Teacher, extract_features, is_single_product
from inspector.lab.training.vision_stage import StepReport, VisionHeads
from inspector.lab.training.vision_tower import TowerFeatures
from inspector.numerics.classification_metrics import auroc

TEACHER_SHARE: Final = 0.5  # the teacher's share of a verdict's target; the rest is the label
LOG_ODDS_LOSS_WEIGHT: Final = 0.2  # weight of the distance to the teacher's log-odds, next to the cross-entropy
MAX_LOG_ODDS: Final = 5.0  # the teacher's log-odds are clamped to this range
VALIDATION_BATCHES: Final = 12  # batches per validation
ROWS_PER_PASS: Final = 8  # rows per forward pass, padded to one length


def unfreeze_language_model(model: Any) -> list[nn.Module]:
    """Freeze the whole model except the parts that this stage trains; return those parts."""
    parts = [model.model.language_model]
    model.requires_grad_(False)
    for part in parts:
        part.requires_grad_(True)
    return parts


def language_step(model: Any, encoder: ExampleEncoder, teacher: Teacher, conversations: list[Conversation]) -> float:
    """Add the gradients of one batch and return its mean loss.

    Rows are grouped by length to save padding.
    """
    rows = sorted(
        ((encoder.row(len(c.pictures), c.preamble, c.examples), c) for c in conversations),
        key=lambda pair: len(pair[0].ids),
    )
    whole, total = sum(target.weight for row, _ in rows for target in row.targets), 0.0
    for start in range(0, len(rows), ROWS_PER_PASS):
        group = rows[start : start + ROWS_PER_PASS]
        loss = (
            _loss(
                model, teacher, encoder.collate([row for row, _ in group]), [conversation for _, conversation in group]
            )
            / whole
        )
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    return total


def _loss(model: Any, teacher: Teacher, rows: RowBatch, conversations: list[Conversation]) -> Tensor:
    """Return the weighted sum over all targets: cross-entropy, plus the distance of verdicts to the teacher's."""
    rows = rows.to(model.device)
    with matmul_autocast(model.device):
        with torch.no_grad():
            features = extract_features(model.model.visual, conversations)
            targets = teacher_targets(teacher, rows, conversations, features)
        logits = answer_logits(model, rows, features).float()
    cross_entropy = -logits.log_softmax(-1).gather(1, rows.target_ids)
    losses = (cross_entropy * (rows.target_shares + targets.share_shift)).sum(1)
    losses = losses + LOG_ODDS_LOSS_WEIGHT * log_odds_loss(logits, rows, targets)
    return (losses * rows.target_weight).sum()


class TeacherTargets(NamedTuple):
    """The teacher's contribution to each target.

    `ng_sign` [targets] is 1 where the first of the two words means NG, -1 where the second does, and 0 where the
    teacher does not apply. `odds` [targets] are the log-odds of the first word. `share_shift` [targets, words] is added
    to the target shares.
    """

    ng_sign: Tensor
    odds: Tensor
    share_shift: Tensor


def teacher_targets(
    teacher: Teacher, rows: RowBatch, conversations: list[Conversation], features: TowerFeatures
) -> TeacherTargets:
    """Return the teacher's targets; the teacher applies only to a single picture of the product."""
    device = rows.ids.device
    truth = torch.tensor(
        [float(bool(conversation.pictures[-1].flaws)) for conversation in conversations], device=device
    )
    lone = torch.tensor([is_single_product(conversation) for conversation in conversations], device=device)
    ng = teacher.log_odds(conversations, features)
    ng_sign = rows.target_ng_sign * lone[rows.target_row]
    share_shift = torch.zeros_like(rows.target_shares)
    share_shift[:, 0] = TEACHER_SHARE * ng_sign * (ng.sigmoid() - truth)[rows.target_row]
    share_shift[:, 1] = -share_shift[:, 0]
    return TeacherTargets(ng_sign, ng_sign * ng.clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS)[rows.target_row], share_shift)


def log_odds_loss(logits: Tensor, rows: RowBatch, targets: TeacherTargets) -> Tensor:
    """Return the distance of log-odds to the teacher's [targets].

    Cross-entropy hardly tells one small probability from another, but the ranking of faint flaws depends on them.
    """
    first, second = logits.gather(1, rows.target_ids[:, :2]).unbind(1)
    return F.smooth_l1_loss(first - second, targets.odds, reduction="none") * targets.ng_sign.abs()


def answer_logits(model: Any, rows: RowBatch, features: TowerFeatures) -> Tensor:
    """Return the logits at the target positions: [targets, words]."""
    picture = rows.ids == model.config.image_token_id
    embedded = model.get_input_embeddings()(rows.ids)
    embedded = embedded.masked_scatter(picture[..., None], features.tokens.flatten(0, 1).to(embedded.dtype))
    hidden = model.model.language_model(
        inputs_embeds=embedded,
        attention_mask=rows.allowed,
        position_ids=rows.positions,
        visual_pos_masks=picture,
        deepstack_visual_embeds=[layer.flatten(0, 1) for layer in features.deepstack],
        use_cache=False,
    ).last_hidden_state
    logits: Tensor = model.lm_head(hidden[rows.target_row, rows.target_at])
    return logits


def train_language(
    model: Any,
    heads: VisionHeads,
    encoder: ExampleEncoder,
    optimizer: Optimizer,
    seed: int,
    steps: range,
    total: int,
    report: StepReport,
) -> None:
    """Run the given steps of `total` and call `report` after each; `heads` are those of stage 1."""
    teacher = Teacher(heads, seed, model.model.visual, min(FIT_BATCHES, total))
    for step, conversations in zip(
        steps, stream_batches(ConversationDataset(seed, steps.start, steps.stop)), strict=True
    ):
        loss = language_step(model, encoder, teacher, conversations)
        optimizer.step(step, total)
        report(step, {"language_loss": loss})


def validate_language(model: Any, encoder: ExampleEncoder, batches: int = VALIDATION_BATCHES) -> dict[str, float]:
    """Return the AUROC of the answer to the first question, without out-of-scope pictures."""
    held_out = ConversationDataset(98, 0, batches)
    scores, truths = [], []
    with torch.no_grad():
        for index in range(batches):
            conversations = [
                conversation
                for conversation in held_out[index]
                if conversation.pictures[-1].in_scope and conversation.asks_verdict
            ]
            scores.append(_first_log_odds(model, encoder, conversations))
            truths += [bool(conversation.pictures[-1].flaws) for conversation in conversations]
    return {"verdict_auroc": auroc(np.concatenate(scores), np.array(truths))}


def _first_log_odds(model: Any, encoder: ExampleEncoder, conversations: list[Conversation]) -> np.ndarray[Any, Any]:
    """Return the log-odds of Yes for each conversation's first question."""
    rows = encoder.collate(
        [
            encoder.row(len(conversation.pictures), conversation.preamble, conversation.examples[:1])
            for conversation in conversations
        ]
    )
    rows = rows.to(model.device)
    with matmul_autocast(model.device):
        logits = answer_logits(model, rows, extract_features(model.model.visual, conversations)).float()
    yes, no = rows.target_ids[0, :2]
    odds: np.ndarray[Any, Any] = (logits[:, yes] - logits[:, no]).cpu().numpy()
    return odds
