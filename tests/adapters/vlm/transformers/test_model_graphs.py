"""Forwards in forms that recur say what plain forwards say. On a CPU their captures are done again eagerly."""

from __future__ import annotations

import gc

import pytest
import torch
from support.demo_model import CARD, fresh_checkpoint, looked
from support.eager_graph import EagerGraph, eager_graphs

from inspector.adapters.vlm.transformers.cuda_graph import GraphCache
from inspector.adapters.vlm.transformers.decode_graph import DecodeGraphStep
from inspector.adapters.vlm.transformers.kv_cache import SequenceRows
from inspector.adapters.vlm.transformers.model_forward import VisionLanguageModel
from inspector.adapters.vlm.transformers.optimize import graph_cache
from inspector.adapters.vlm.transformers.shared_prefix_attention import copied_prefix


@torch.inference_mode()
def test_captured_forwards_say_what_plain_ones_say() -> None:
    """Three parts are read, then their rows go on together, until some leave and the others go on."""
    checkpoint = fresh_checkpoint()
    said: list[list[torch.Tensor]] = []
    for graphs in (None, eager_graphs()):
        network = VisionLanguageModel(checkpoint.model, graphs=graphs)
        parts = [SequenceRows.begin(looked(network, checkpoint), 3, 16) for _ in range(3)]
        told: list[torch.Tensor] = []
        for step in range(8):
            tokens = [[[11 + step] * (1 if step else row + 1) for row in range(len(rows.gaps))] for rows in parts]
            batch = list(zip(parts, tokens, strict=True))
            for each in [batch] if step else [[one] for one in batch]:
                forward = network.advance(each)
                forward.commit()
                told.append(forward.logits)
            if step == 4:
                parts = [parts[1].only([2, 0])]
        said.append(told)
        assert isinstance(forward.steps[0], DecodeGraphStep) == (graphs is not None)
    assert EagerGraph.captured == 4  # the tower, a prefix with its rows, and two forms of steps
    for one, other in zip(*said, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


@torch.inference_mode()
def test_a_capture_keeps_no_page_alive() -> None:
    checkpoint = fresh_checkpoint()
    network = VisionLanguageModel(checkpoint.model, graphs=eager_graphs())
    rows = SequenceRows.begin(looked(network, checkpoint), 2, 16)
    for tokens in ([[11], [12]], [[13], [14]], [[15], [16]]):
        network.advance([(rows, tokens)]).commit()
    held = DecodeGraphStep([(rows, [[17], [18]])]).form
    del rows
    gc.collect()
    other = SequenceRows.begin(looked(network, checkpoint), 2, 600)  # of another room, so empty pages go
    network.advance([(other, [[11], [12]])])
    gc.collect()
    assert held.own[0].page() is None


def test_the_reference_attention_is_never_captured() -> None:
    network = VisionLanguageModel(fresh_checkpoint().model, copied_prefix, eager_graphs())
    assert network._graphs is None


@pytest.mark.parametrize(
    ("card", "config", "has_graphs"),
    [
        ({}, {}, True),
        ({"cuda_graphs": False}, {}, False),
        ({}, {"quantization_config": {"quant_method": "fp8"}}, False),
    ],
)
def test_plain_dense_models_have_graphs_unless_the_card_refuses(
    card: dict[str, bool], config: dict[str, object], has_graphs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs, model = eager_graphs(), fresh_checkpoint().model
    monkeypatch.setattr(GraphCache, "of", lambda _: graphs)
    for name, value in config.items():
        setattr(model.config, name, value)
    assert (graph_cache(model, CARD.model_copy(update=card)) is graphs) == has_graphs


def test_a_mixture_of_experts_has_no_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GraphCache, "of", lambda _: eager_graphs())
    model = fresh_checkpoint().model
    model.config.text_config.num_experts = 8
    assert graph_cache(model, CARD) is None
