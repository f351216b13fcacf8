"""Packed weights say what the plain ones say."""

from __future__ import annotations

import copy

import pytest
import torch
from demo_model import fresh_checkpoint
from torch import nn

from inspector.vlm.packed import PackedLinear
from inspector.vlm.packing import pack


def linears(model: nn.Module) -> set[type]:
    return {type(module) for module in model.modules() if isinstance(module, (nn.Linear, PackedLinear))}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(7,), (1, 1), (9, 3), (2, 5, 4)])
def test_a_packed_layer_gives_what_the_plain_one_gives(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(len(shape))
    plain = nn.Sequential(nn.Linear(48, 32, bias=bias))
    packed = copy.deepcopy(plain)
    pack(packed)
    hidden = torch.randn(*shape, 48)
    with torch.inference_mode():
        assert torch.allclose(packed(hidden), plain(hidden), atol=1e-5)
    assert linears(packed) == {PackedLinear}


def test_weights_of_another_type_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU()).bfloat16()
    pack(model)
    assert linears(model) == {nn.Linear}


def test_every_layer_of_the_shipped_model_can_be_packed() -> None:
    model = fresh_checkpoint().model
    pack(model)
    assert linears(model) == {PackedLinear}
