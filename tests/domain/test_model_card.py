"""The grammar of a model card."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from inspector.domain.model_card import ModelCard


def a_card(**settings: object) -> ModelCard:
    return ModelCard.model_validate(
        {"name": "small", "checkpoint": "models/small", "pixels": {"min": 4096, "max": 65536}, **settings}
    )


def test_a_card_needs_only_a_name_a_checkpoint_and_a_budget() -> None:
    card = a_card()
    assert (card.engine, card.dtype, card.num_gpus, card.replicas) == ("transformers", "float32", 0.0, 1)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"pixels": {"min": 65536, "max": 4096}}, "the budget is an interval"),
        ({"pixels": {"min": 1, "max": 4096}}, "less than one token"),
        ({"zoom_pixels": {"min": 65536, "max": 4096}}, "the zoom's budget is one too"),
        ({"dtype": "int8"}, "the engine does not know it"),
        ({"engine": "vllm"}, "the engine does not exist"),
        ({"num_gpus": 1.5}, "Ray shares one GPU only"),
        ({"replicas": 3, "max_replicas": 2}, "the most is below the least"),
        ({"checkpoint": ""}, "a checkpoint has a name"),
        ({"quantize": True}, "unknown settings would have no effect"),
    ],
)
def test_grammar_refuses(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError):
        a_card(**settings)
    assert why


@pytest.mark.parametrize("num_gpus", [0, 0.25, 1, 2, 8])
def test_shares_of_one_gpu_and_whole_gpus_are_allowed(num_gpus: float) -> None:
    assert a_card(num_gpus=num_gpus).num_gpus == num_gpus
