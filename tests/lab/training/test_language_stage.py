"""The targets and gradients of stage 2."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.training_rows import encode_rows

from inspector.lab.training.architecture import make_model
from inspector.lab.training.datasets import Conversation, ConversationDataset
from inspector.lab.training.example_encoder import ExampleEncoder
from inspector.lab.training.language_stage import (
    MAX_LOG_ODDS,
    TEACHER_SHARE,
    TeacherTargets,
    answer_logits,
    language_step,
    log_odds_loss,
    teacher_targets,
    unfreeze_language_model,
)
from inspector.lab.training.teacher import Teacher, extract_features, is_single_product
from inspector.lab.training.vision_stage import VisionHeads


def test_the_second_stage_does_not_train_the_tower(tokenizer: Any, conversations: list[Conversation]) -> None:
    fresh: Any = make_model(tokenizer, seed=4)
    parts = unfreeze_language_model(fresh)
    teacher = Teacher(VisionHeads(), 3, fresh.model.visual, batches=1)
    language_step(fresh, ExampleEncoder(tokenizer), teacher, conversations)
    assert all(weight.grad is not None for part in parts for weight in part.parameters())
    assert all(weight.grad is None for weight in fresh.model.visual.parameters())


def test_a_verdict_target_lies_between_label_and_teacher_in_any_wording(model: Any, tokenizer: Any) -> None:
    conversations, encoder = (
        [conversation for conversation in ConversationDataset(seed=4, first=0, last=1)[0] if conversation.asks_verdict],
        ExampleEncoder(tokenizer),
    )
    rows = encode_rows(encoder, conversations)
    teacher = Teacher(VisionHeads(), 4, model.model.visual, batches=1)
    with torch.no_grad():
        features = extract_features(model.model.visual, conversations)
        targets = teacher_targets(teacher, rows, conversations, features)
        alone = [
            teacher.log_odds([conversation], extract_features(model.model.visual, [conversation])).sigmoid().item()
            for conversation in conversations
        ]
        missed = log_odds_loss(answer_logits(model, rows, features), rows, targets)
    shares = rows.target_shares + targets.share_shift
    assert torch.allclose(shares.sum(1), torch.ones(len(shares)))
    for row, ng_sign, truth, wanted, gap in zip(
        rows.target_row, rows.target_ng_sign, rows.target_shares, shares, missed, strict=True
    ):
        if ng_sign == 0 or not is_single_product(conversations[row]):
            assert torch.equal(wanted, truth)
            assert gap == 0
            continue
        taught_share = alone[row] if ng_sign == 1 else 1.0 - alone[row]
        between = (1.0 - TEACHER_SHARE) * float(truth[0]) + TEACHER_SHARE * taught_share
        assert float(wanted[0]) == pytest.approx(between, abs=1e-4)
        assert gap > 0
    assert set(rows.target_ng_sign.tolist()) == {-1, 0, 1}
    assert not all(is_single_product(conversation) for conversation in conversations)


def test_a_verdict_with_the_teachers_log_odds_has_no_loss(tokenizer: Any, conversations: list[Conversation]) -> None:
    encoder = ExampleEncoder(tokenizer)
    rows = encode_rows(encoder, conversations)
    odds = rows.target_ng_sign * torch.linspace(-MAX_LOG_ODDS, MAX_LOG_ODDS, len(rows.target_ng_sign))
    targets = TeacherTargets(rows.target_ng_sign, odds, torch.zeros_like(rows.target_shares))
    logits = torch.zeros(len(odds), len(tokenizer))
    apart = log_odds_loss(logits, rows, targets)
    logits.scatter_(1, rows.target_ids[:, :1], odds[:, None])
    assert log_odds_loss(logits, rows, targets).sum() == 0
    assert (apart > 0).sum() == (odds != 0).sum() > 0
