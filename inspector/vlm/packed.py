"""Layers whose weights lie in the order in which this processor's kernels read them, for inference in float32 on a CPU.

oneDNN does what follows a multiplication (activation, gate, residual) before its result leaves the cache: a large
result that is written, read and freed between operations costs more than multiplying it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers.models.qwen3_vl.modeling_qwen3_vl import (
    Qwen3VLTextAttention,
    Qwen3VLTextDecoderLayer,
    Qwen3VLTextRMSNorm,
)

from inspector.vlm.attention import Segment, attended, ends

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj")


class PackedLinear(nn.Module):
    """Linear layers of the same input beside each other, [..., in] to [..., out of all]; their weights can't be read or
    trained any more. `scale` [in] is what their input would be multiplied by before."""

    def __init__(self, *linears: nn.Linear, scale: Tensor | None = None) -> None:
        super().__init__()
        weight = torch.cat([linear.weight.detach() for linear in linears])
        if scale is not None:
            weight = weight * scale.detach()
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
    """A decoder layer in place of transformers' own, for rows of `attention.Segment`."""

    def __init__(self, layer: Qwen3VLTextDecoderLayer) -> None:
        super().__init__()
        attention, mlp = layer.self_attn, layer.mlp
        for turned in (attention.q_proj, attention.k_proj, attention.q_norm, attention.k_norm):
            _pair(turned, attention.head_dim)
        norm, mlp_norm = layer.input_layernorm, layer.post_attention_layernorm
        self._epsilon = norm.variance_epsilon
        self._pack_heads(attention, norm.weight)
        self._out, self._down = PackedLinear(attention.o_proj), PackedLinear(mlp.down_proj)
        self._gate, self._up = (PackedLinear(each, scale=mlp_norm.weight) for each in (mlp.gate_proj, mlp.up_proj))
        for name in PROJECTIONS:  # their weights are packed
            delattr(attention, name)
        self._attention = attention

    def forward(
        self,
        hidden: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        segments: Sequence[Segment],
        **_: object,
    ) -> Tensor:
        """Hidden states [1, tokens, width] to the same."""
        return self._worked_out(hidden, position_embeddings, segments)

    def _worked_out(self, hidden: Tensor, rotation: tuple[Tensor, Tensor], segments: Sequence[Segment]) -> Tensor:
        return self._finished(hidden, self._attended(*self._projected(hidden, rotation), segments))

    def _pack_heads(self, attention: Qwen3VLTextAttention, scale: Tensor) -> None:
        self._heads = PackedLinear(attention.q_proj, attention.k_proj, attention.v_proj, scale=scale)
        queries, shared = _head_weights(attention)
        self._head_weights = nn.Buffer(torch.cat([queries, shared]))
        self._counts = len(queries), len(shared)

    def _projected(self, hidden: Tensor, rotation: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values [1, tokens, heads, width of a head]."""
        queries, shared = self._counts
        table = self._split(self._heads(_normed(hidden, self._epsilon)))
        turning, values = torch.split(table, [queries + shared, shared], dim=2)
        asked, keys = torch.split(self._turned(turning, self._head_weights, rotation), [queries, shared], dim=2)
        return asked, keys, values

    def _split(self, table: Tensor) -> Tensor:
        return table.view(*table.shape[:-1], -1, self._attention.head_dim)

    def _turned(self, heads: Tensor, weights: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        return _turned(heads.mul_(_to_length_one(heads, self._epsilon)).mul_(weights), rotation)

    def _attended(self, queries: Tensor, keys: Tensor, values: Tensor, segments: Sequence[Segment]) -> Tensor:
        queries, keys, values = (each.transpose(1, 2) for each in (queries, keys, values))
        module = self._attention
        return attended(segments, module.layer_idx, queries, keys, values, module.scaling).flatten(2)

    def _finished(self, hidden: Tensor, attended: Tensor) -> Tensor:
        hidden = self._out.with_other(attended, hidden, "add")
        normed = _normed(hidden, self._epsilon)
        gated = self._up.with_other(normed, self._gate(normed, "swish"), "mul")
        return self._down.with_other(gated, hidden, "add")


class LastPackedLayer(PackedLayer):
    """Keys and values of all tokens are kept, but of what comes after them only that of rows' ends is ever read: the
    hidden states of other tokens stay as they were."""

    def _worked_out(self, hidden: Tensor, rotation: tuple[Tensor, Tensor], segments: Sequence[Segment]) -> Tensor:
        read = ends(segments, hidden.device)
        normed = _normed(hidden, self._epsilon)
        keys, values = self._split(self._heads(normed)).tensor_split(2, dim=2)
        keys = self._turned(keys, self._key_weights, rotation)
        cosines, sines = rotation
        queries = self._split(self._queries(normed[:, read]))
        queries = self._turned(queries, self._query_weights, (cosines[:, read], sines[:, read]))
        hidden[:, read] = self._finished(hidden[:, read], self._attended(queries, keys, values, segments))
        return hidden

    def _pack_heads(self, attention: Qwen3VLTextAttention, scale: Tensor) -> None:
        self._heads = PackedLinear(attention.k_proj, attention.v_proj, scale=scale)
        self._queries = PackedLinear(attention.q_proj, scale=scale)
        queries, keys = _head_weights(attention)
        self._query_weights, self._key_weights = nn.Buffer(queries), nn.Buffer(keys)


def _head_weights(attention: Qwen3VLTextAttention) -> tuple[Tensor, Tensor]:
    """Those of the norms of every head of queries, and of keys."""
    config = attention.config
    counts = config.num_attention_heads, config.num_key_value_heads
    norms = attention.q_norm, attention.k_norm
    queries, keys = (norm.weight.detach().expand(count, -1).clone() for norm, count in zip(norms, counts, strict=True))
    return queries, keys


def _pair(module: nn.Linear | Qwen3VLTextRMSNorm, width: int) -> None:
    """Puts the two numbers that rotary embedding turns together beside each other, in every head: queries and keys both
    changed so have the same products."""
    for weight in module.parameters():
        halves = weight.data.unflatten(0, (-1, 2, width // 2))
        weight.data = halves.transpose(1, 2).flatten(0, 2)


def _turned(heads: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary embedding of [rows, tokens, heads, width], in place: each pair is a complex number, times the turn of its
    token; one operation instead of five (RoFormer, section 3.4.2)."""
    pairs = heads.shape[-1] // 2
    turn = torch.complex(*(half[..., None, :pairs] for half in rotation))
    torch.view_as_complex(heads.view(*heads.shape[:-1], pairs, 2)).mul_(turn)
    return heads


def _normed(hidden: Tensor, epsilon: float) -> Tensor:
    """A root mean square of one in the last dimension; the norm's weights are in the products that follow."""
    return hidden * _to_length_one(hidden, epsilon)


def _to_length_one(hidden: Tensor, epsilon: float) -> Tensor:
    """By what to multiply. The length is read in one operation that writes next to nothing; torch's own norm writes
    the squares."""
    length = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
    mean: Tensor = length.square_() / hidden.shape[-1]
    return mean.add_(epsilon).rsqrt_()
