"""Layers whose weights lie in the order in which this processor's kernels read them, for inference in float32 on a CPU.

oneDNN does what follows a multiplication (activation, gate, residual) before its result leaves the cache: a large
result that is written, read and freed between operations costs more than multiplying it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextDecoderLayer, Qwen3VLTextRMSNorm

from inspector.vlm.attention import Segment, attend, ends

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj")


class PackedLinear(nn.Module):
    """Linear layers of the same input beside each other, [..., in] to [..., out of all]; their weights can't be read or
    trained any more."""

    def __init__(self, *linears: nn.Linear) -> None:
        super().__init__()
        weight = torch.cat([linear.weight.detach() for linear in linears])
        biases = [linear.bias.detach() for linear in linears if linear.bias is not None]
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, None)
        self._bias = torch.cat(biases) if biases else None

    def forward(self, hidden: Tensor, then: str = "none") -> Tensor:
        """`then`: an activation by oneDNN's name."""
        packed: Tensor = torch.ops.mkldnn._linear_pointwise(hidden, self._weight, self._bias, then, [], "")
        return packed

    def with_other(self, hidden: Tensor, other: Tensor, how: str) -> Tensor:
        """The result `how` (add, mul) another tensor of its shape."""
        packed: Tensor = torch.ops.mkldnn._linear_pointwise.binary(hidden, other, self._weight, self._bias, how)
        return packed


class PackedLayer(nn.Module):
    """A decoder layer in place of transformers' own. The last one works out only what will be read."""

    def __init__(self, layer: Qwen3VLTextDecoderLayer, is_last: bool) -> None:
        super().__init__()
        attention, mlp = layer.self_attn, layer.mlp
        for turned in (attention.q_proj, attention.k_proj, attention.q_norm, attention.k_norm):
            _pair(turned, attention.head_dim)
        self._heads = PackedLinear(attention.q_proj, attention.k_proj, attention.v_proj)
        self._out, self._down = PackedLinear(attention.o_proj), PackedLinear(mlp.down_proj)
        self._gate, self._up = PackedLinear(mlp.gate_proj), PackedLinear(mlp.up_proj)
        self._norm, self._mlp_norm = layer.input_layernorm, layer.post_attention_layernorm
        for name in PROJECTIONS:  # their weights are packed
            delattr(attention, name)
        self._attention = attention
        self._is_last = is_last

    def forward(
        self,
        hidden: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: DynamicCache | None = None,
        segments: Sequence[Segment] | None = None,
        **settings: Any,
    ) -> Tensor:
        """Hidden states [rows, tokens, width] to the same."""
        queries, keys, values = self._projected(hidden, position_embeddings)
        if past_key_values is not None:
            keys, values = past_key_values.update(keys, values, self._attention.layer_idx)
        settings |= {"scaling": self._attention.scaling, "segments": segments}
        attended, _ = attend(self._attention, queries, keys, values, attention_mask, **settings)
        attended = attended.reshape(*hidden.shape[:-1], -1)
        if not self._is_last or segments is None:
            return self._finished(hidden, attended)
        read = ends(segments, hidden.device)
        hidden[:, read] = self._finished(hidden[:, read], attended[:, read])
        return hidden

    def _projected(self, hidden: Tensor, rotation: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values [rows, heads, tokens, width of a head]."""
        own = self._attention
        table = self._heads(_normed(self._norm, hidden)).unflatten(-1, (-1, own.head_dim))
        shared = own.config.num_key_value_heads
        queries, keys, values = table.split([table.shape[2] - 2 * shared, shared, shared], dim=2)
        turn = torch.complex(*(half[..., None, : own.head_dim // 2] for half in rotation))
        queries, keys = _turned(_normed(own.q_norm, queries), turn), _turned(_normed(own.k_norm, keys), turn)
        return queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2)

    def _finished(self, hidden: Tensor, attended: Tensor) -> Tensor:
        hidden = self._out.with_other(attended, hidden, "add")
        normed = _normed(self._mlp_norm, hidden)
        gated = self._up.with_other(normed, self._gate(normed, "swish"), "mul")
        return self._down.with_other(gated, hidden, "add")


def _pair(module: nn.Linear | Qwen3VLTextRMSNorm, width: int) -> None:
    """Puts the two numbers that rotary embedding turns together beside each other, in every head: queries and keys both
    changed so have the same products."""
    for weight in module.parameters():
        halves = weight.data.unflatten(0, (-1, 2, width // 2))
        weight.data = halves.transpose(1, 2).flatten(0, 2)


def _turned(heads: Tensor, turn: Tensor) -> Tensor:
    """Rotary embedding, in place: each pair is a complex number [..., tokens, heads, width / 2] times the turn of its
    token; one operation instead of five (RoFormer, section 3.4.2)."""
    torch.view_as_complex(heads.view(*heads.shape[:-1], -1, 2)).mul_(turn)
    return heads


def _normed(norm: Qwen3VLTextRMSNorm, hidden: Tensor) -> Tensor:
    """What the module says, in one operation instead of five."""
    return nn.functional.rms_norm(hidden, hidden.shape[-1:], norm.weight, norm.variance_epsilon)
