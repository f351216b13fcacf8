"""Packed weights say what the plain ones say."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import torch
from support.demo_model import MODELS, fresh_checkpoint, looked
from torch import nn

from inspector.adapters.vlm.transformers import model_forward as network
from inspector.adapters.vlm.transformers.kv_cache import Rows
from inspector.adapters.vlm.transformers.model_forward import Filler, Network
from inspector.adapters.vlm.transformers.optimize import pack
from inspector.adapters.vlm.transformers.packed_layers import PackedLinear

LARGE_PAGES: Final = Path("/sys/kernel/mm/transparent_hugepage/enabled")
PAGED: Final = """
import re, sys
from functools import partial
from pathlib import Path
from inspector.adapters.vlm.transformers.engine import ready
from inspector.lab.benchmarks.contestants import random_weights
from inspector.bootstrap.from_settings import card_at
path = Path(sys.argv[1])
kept = ready(partial(random_weights, card_at(path), path.parent), card_at(path))
print(re.search(r"AnonHugePages: *(\\d+)", Path("/proc/self/smaps_rollup").read_text())[1])
"""


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


@pytest.mark.parametrize("blocked", [network.BLOCKED, 0], ids=["alone", "beside a token that fills up"])
@torch.inference_mode()
def test_a_packed_model_says_what_the_plain_one_says(monkeypatch: pytest.MonkeyPatch, blocked: int) -> None:
    """About a picture, to rows of different lengths that go on for a step: three tokens."""
    plain = fresh_checkpoint()
    packed = copy.deepcopy(plain.model)
    pack(packed)
    said, filled = [], []
    for model, least in ((plain.model, network.BLOCKED), (packed, blocked)):
        monkeypatch.setattr(network, "BLOCKED", least)
        made = Network(model)
        prefix = looked(made, plain)
        rows = Rows.begin(prefix, 3, 16)
        for tokens in ([[11, 12, 13], [14], [15, 16]], [[17], [18], [19]]):
            forward = made.advance([(rows, tokens)])
            forward.commit()
            said.append(forward.logits)
        filled.append(any(isinstance(step, Filler) for step in forward.steps))
    assert filled == [False, blocked == 0]
    for one, other in zip(said[:2], said[2:], strict=True):
        assert torch.allclose(one, other, atol=1e-3)


def test_weights_of_another_type_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU()).bfloat16()
    pack(model)
    assert linears(model) == {nn.Linear}


def test_every_layer_of_the_shipped_model_can_be_packed() -> None:
    model = fresh_checkpoint().model
    pack(model)
    assert linears(model) == {PackedLinear}


@pytest.mark.skipif(
    not LARGE_PAGES.exists() or "[never]" in LARGE_PAGES.read_text(), reason="this system gives nobody large pages"
)
def test_weights_lie_in_large_pages() -> None:
    """In a process of its own: torch looks once whether it is to ask for them."""
    told = subprocess.run(
        [sys.executable, "-c", PAGED, str(MODELS / "demo.yaml")], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) > 64 * 1024
