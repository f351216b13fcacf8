"""Prepares a loaded model for inference: linear layers are packed on a CPU, decoder layers compiled where that pays.

On a CPU torch multiplies float32 with MKL, which takes slow paths on processors that are not Intel's. oneDNN takes the
same paths on all, and with packed weights does not reorder them at every call. Both are float32 throughout; their
results differ by rounding only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from inspector.adapters.vlm.transformers.compiled import compile_layers
from inspector.adapters.vlm.transformers.cuda_graph import GraphCache
from inspector.adapters.vlm.transformers.packed_linear import PackedLinear
from inspector.domain.model_card import ModelCard

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def optimize(model: PreTrainedModel, card: ModelCard) -> None:
    """Pack the linear layers where possible, and compile decoder layers where the card asks for it and it is faster."""
    pack(model)
    if card.compile or (card.compile is None and model.device.type == "cuda"):
        compile_layers(model, graph_cache(model, card))


def graph_cache(model: PreTrainedModel, card: ModelCard) -> GraphCache | None:
    """Return the cache of the model's CUDA graphs; None where it has none or the card refuses them.

    A mixture of experts chooses its products by the data, and kernels of quantised weights were never captured.
    """
    is_fixed = not getattr(model.config.text_config, "num_experts", 0)
    is_plain = getattr(model.config, "quantization_config", None) is None
    return GraphCache.of(model.device) if card.cuda_graphs and is_fixed and is_plain else None


def pack(model: nn.Module) -> None:
    """Pack the float32 linear layers of a model on a CPU, in place. Other layers stay as they are."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear and _is_packable(child):
                setattr(module, name, PackedLinear(child))


def _is_packable(linear: nn.Linear) -> bool:
    return all(weight.device.type == "cpu" and weight.dtype == torch.float32 for weight in linear.parameters())
