"""Packed weights say what the plain ones say."""

from __future__ import annotations

import copy

import pytest
import torch
from support.demo_model import fresh_checkpoint, looked
from torch import nn

from inspector.adapters.vlm.transformers.kv_cache import SequenceRows
from inspector.adapters.vlm.transformers.model_forward import VisionLanguageModel
from inspector.adapters.vlm.transformers.optimize import pack
from inspector.adapters.vlm.transformers.packed_linear import PackedLinear


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


@torch.inference_mode()
def test_a_packed_model_says_what_the_plain_one_says() -> None:
    """About a picture, to rows of different lengths that go on for a step."""
    plain = fresh_checkpoint()
    packed = copy.deepcopy(plain.model)
    pack(packed)
    logits = []
    for model in (plain.model, packed):
        network = VisionLanguageModel(model)
        rows = SequenceRows.begin(looked(network, plain), 3, 16)
        for tokens in ([[11, 12, 13], [14], [15, 16]], [[17], [18], [19]]):
            forward = network.advance([(rows, tokens)])
            forward.commit()
            logits.append(forward.logits)
    for one, other in zip(logits[:2], logits[2:], strict=True):
        assert torch.allclose(one, other, atol=1e-3)


def test_weights_of_another_type_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU()).bfloat16()
    pack(model)
    assert linears(model) == {nn.Linear}


def test_every_layer_of_the_shipped_model_can_be_packed() -> None:
    model = fresh_checkpoint().model
    pack(model)
    assert linears(model) == {PackedLinear}
