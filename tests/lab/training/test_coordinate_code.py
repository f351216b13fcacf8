"""Coordinate codes and the box head."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from inspector.lab.training.architecture import make_model
from inspector.lab.training.coordinate_code import COORDINATE_COUNT, BoxHead, coordinate_code
from inspector.lab.training.vocabulary import coordinate_words


def test_near_coordinates_start_more_alike_than_distant_ones(tokenizer: Any) -> None:
    words = make_model(tokenizer, seed=1).get_input_embeddings().weight.detach()
    places = torch.stack([words[tokenizer.convert_tokens_to_ids(text)] for text in coordinate_words()])
    alike = torch.nn.functional.cosine_similarity(places[100:101], places)
    assert int(alike.argmax()) == 100
    assert alike[99] > alike[97] > alike[60]
    assert places.norm(dim=1).mean() == pytest.approx(float(words.norm(dim=1).mean()), rel=0.1)


def test_a_box_head_learns_to_read_boxes_from_a_feature_that_holds_them() -> None:
    torch.manual_seed(0)
    boxes = torch.rand(64, 4)
    features = torch.cat([coordinate_code()[(corner * (COORDINATE_COUNT - 1)).round().long()] for corner in boxes.T], 1)
    head = BoxHead(features.shape[1])
    learner = torch.optim.AdamW(head.parameters(), lr=3e-3)
    for _ in range(60):
        learner.zero_grad()
        head.loss(features, boxes).backward()  # type: ignore[no-untyped-call]
        learner.step()
    read = head(features).argmax(-1) / (COORDINATE_COUNT - 1)
    assert (read - boxes).abs().median() <= 1.0 / (COORDINATE_COUNT - 1)
