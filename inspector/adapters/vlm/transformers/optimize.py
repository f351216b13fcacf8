"""What is done to a model before it works: which layers are packed, and which compiled.

On a CPU torch multiplies float32 with MKL, which takes slow ways on processors that are not Intel's; oneDNN takes the
same ways on all, and does not sort the weights again at every call once they are packed. Both are float32 throughout
and differ by rounding only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextModel

from inspector.adapters.vlm.transformers.compiled import compile_layers
from inspector.adapters.vlm.transformers.packed_layers import LastPackedLayer, PackedLayer, PackedLinear, Turns
from inspector.domain.model_card import ModelCard

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def quicken(model: PreTrainedModel, card: ModelCard) -> None:
    """Packs what can be packed; other decoder layers are compiled, where the card wants it and it pays."""
    pack(model)
    if card.compile or (card.compile is None and model.device.type == "cuda"):
        compile_layers(model)


def pack(model: nn.Module) -> None:
    """Packs the layers of a float32 model on a CPU, in place; any other model stays as it is."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    for module in list(model.modules()):
        if isinstance(module, Qwen3VLTextModel) and _is_packable(module):
            *layers, last = module.layers
            module.layers = nn.ModuleList([*map(PackedLayer, layers), LastPackedLayer(last)])
            module.rotary_emb = Turns(module.rotary_emb)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear and _has_packable_weights(child):
                setattr(module, name, PackedLinear(child))


def _is_packable(text: Qwen3VLTextModel) -> bool:
    return text.config.hidden_act == "silu" and _has_packable_weights(text)


def _has_packable_weights(module: nn.Module) -> bool:
    return all(weight.device.type == "cpu" and weight.dtype == torch.float32 for weight in module.parameters())
