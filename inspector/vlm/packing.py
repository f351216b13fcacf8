"""Weights in the order in which this processor's kernels read them. On a CPU torch multiplies float32 with MKL, which
takes slow ways on processors that are not Intel's; oneDNN takes the same ways on all, and does not sort the weights
again at every call once they are packed. Both are float32 throughout and differ by rounding only.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PackedLinear(nn.Module):
    """A linear layer for inference, [..., in] to [..., out]; its weights can't be read or trained any more."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)
        self._bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, hidden: Tensor) -> Tensor:
        packed: Tensor = torch.ops.mkldnn._linear_pointwise(hidden, self._weight, self._bias, "none", [], "")
        return packed


def pack(model: nn.Module) -> None:
    """Packs the linear layers of a float32 model on a CPU, in place; any other model stays as it is."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear and _is_packable(child.weight):
                setattr(module, name, PackedLinear(child))


def _is_packable(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.float32
