"""Compiled decoder layers say what the plain ones say, and stand in for them only where they can and where it pays."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.demo_model import CARD, fresh_checkpoint, looked
from torch import nn

from inspector.adapters.vlm.transformers import compiled
from inspector.adapters.vlm.transformers import optimize as packing
from inspector.adapters.vlm.transformers.compiled import CompiledLayer, compile_layers
from inspector.adapters.vlm.transformers.kv_cache import SequenceRows
from inspector.adapters.vlm.transformers.model_forward import VisionLanguageModel
from inspector.adapters.vlm.transformers.optimize import optimize, pack

COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles for CPUs with g++, which is not here")
TOKENS = ([[11, 12, 13], [14], [15, 16]], [[17], [18], [19]])


def measured(monkeypatch: pytest.MonkeyPatch, faster: bool, really: bool = True) -> None:
    """As if the compiled layers took half as long, or twice."""
    real: Callable[..., float] = compiled._seconds
    told = iter([1.0, 0.5 if faster else 2.0])

    def seconds(*given: Any) -> float:
        if really:
            real(*given)
        return next(told)

    monkeypatch.setattr(compiled, "_seconds", seconds)


def has_compiled(model: nn.Module) -> bool:
    return any(isinstance(module, CompiledLayer) for module in model.modules())


@COMPILER
@torch.inference_mode()
def test_compiled_layers_say_what_the_plain_ones_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bfloat16 every rounding is the same. SequenceRows of different lengths, one alone, and all once more."""
    checkpoint = fresh_checkpoint()
    plain = checkpoint.model.bfloat16()
    other = copy.deepcopy(plain)
    measured(monkeypatch, faster=True)
    assert compile_layers(other)
    assert has_compiled(other)
    said = []
    for network in (VisionLanguageModel(plain), VisionLanguageModel(other)):
        prefix = looked(network, checkpoint)
        rows, single = SequenceRows.begin(prefix, 3, 16), SequenceRows.begin(prefix, 1, 16)
        for each, tokens in ((rows, TOKENS[0]), (rows, TOKENS[1]), (single, [[11, 12]]), (single, [[13]])):
            forward = network.advance([(each, tokens)])
            forward.commit()
            said.append(forward.logits)
    for one, another in zip(said[:4], said[4:], strict=True):
        assert torch.equal(one, another)


def test_layers_that_compiling_makes_slower_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, faster=False, really=False)
    model = fresh_checkpoint().model
    assert not compile_layers(model)
    assert not has_compiled(model)


def test_layers_that_cannot_be_compiled_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Callable[..., Any]:
        def fail(*_: Any) -> None:
            raise RuntimeError("no compiler was found\nand much more")

        return fail

    monkeypatch.setattr(torch, "compile", broken)
    model = fresh_checkpoint().model
    assert not compile_layers(model)
    assert not has_compiled(model)
    assert "no compiler was found" in caplog.text
    assert "much more" not in caplog.text


def test_packed_layers_are_not_compiled() -> None:
    model = fresh_checkpoint().model
    pack(model)
    assert not compile_layers(model)


@pytest.mark.parametrize(("wanted", "tried"), [(None, False), (False, False), (True, True)])
def test_the_card_says_whether_to_try(monkeypatch: pytest.MonkeyPatch, wanted: bool | None, tried: bool) -> None:
    """By default only on a GPU."""
    asked: list[nn.Module] = []
    monkeypatch.setattr(packing, "compile_layers", lambda model, _: asked.append(model))
    model = fresh_checkpoint().model
    optimize(model, CARD.model_copy(update={"compile": wanted}))
    assert asked == [model] * tried
