"""Layers whose weights lie in the order in which this processor's kernels read them, for inference in float32 on a CPU.

oneDNN does what follows a multiplication (activation, gate, residual) before its result leaves the cache: a large
result that is written, read and freed between operations costs more than multiplying it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from transformers.models.qwen3_vl.modeling_qwen3_vl import (
    Qwen3VLTextAttention,
    Qwen3VLTextDecoderLayer,
    Qwen3VLTextRMSNorm,
    Qwen3VLTextRotaryEmbedding,
)

from inspector.adapters.vlm.transformers.shared_prefix_attention import Segment, attended, ends

PROJECTIONS: Final = ("q_proj", "k_proj", "v_proj", "o_proj")


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


class Turns(nn.Module):
    """Rotary embedding as one complex number for each pair of numbers of a token, [1, tokens, 1, pairs], in place of
    cosines and sines (RoFormer, section 3.4.2): a layer turns a head in one operation."""

    def __init__(self, rotary: Qwen3VLTextRotaryEmbedding) -> None:
        super().__init__()
        self._rotary = rotary

    def forward(self, hidden: Tensor, positions: Tensor) -> Tensor:
        """As transformers calls it."""
        pairs = (half[..., None, : half.shape[-1] // 2] for half in self._rotary(hidden, positions))
        return torch.complex(*pairs)


class PackedLayer(nn.Module):
    """A decoder layer in place of transformers' own, for rows of `attention.Segment`, with `Turns`."""

    def __init__(self, layer: Qwen3VLTextDecoderLayer) -> None:
        super().__init__()
        attention, mlp = layer.self_attn, layer.mlp
        for turned in (attention.q_proj, attention.k_proj, attention.q_norm, attention.k_norm):
            _pair(turned, attention.head_dim)
        self._groups, self._folds = attention.config.num_key_value_heads, attention.num_key_value_groups
        self._lay_out(attention)
        norm, mlp_norm = layer.input_layernorm, layer.post_attention_layernorm
        self._epsilon = nn.Buffer(torch.tensor(norm.variance_epsilon))
        self._pack_heads(attention, norm.weight)
        self._out, self._down = PackedLinear(attention.o_proj), PackedLinear(mlp.down_proj)
        self._gate, self._up = (PackedLinear(each, scale=mlp_norm.weight) for each in (mlp.gate_proj, mlp.up_proj))
        for name in PROJECTIONS:  # their weights are packed
            delattr(attention, name)
        self._attention = attention

    def forward(
        self,
        hidden: Tensor,
        position_embeddings: Tensor,
        segments: Sequence[Segment],
        **_: object,
    ) -> Tensor:
        """Hidden states [1, tokens, width] to the same."""
        return self._worked_out(hidden, position_embeddings, segments)

    def _worked_out(self, hidden: Tensor, turns: Tensor, segments: Sequence[Segment]) -> Tensor:
        """Queries leave their last operation apart from keys and values, as attention takes them: without a copy."""
        heads, turned = self._split(self._heads(_normed(hidden, self._epsilon))), (self._folds + 1) * self._groups
        turning = self._to_length(heads[:, :, :turned], self._head_weights)
        queries, keys = turning.tensor_split((-self._groups,), dim=2)
        keys.mul_(turns)
        return self._finished(hidden, self._attended(queries * turns, heads[0, :, -2 * self._groups :], segments))

    def _lay_out(self, attention: Qwen3VLTextAttention) -> None:
        """Puts the heads that share keys apart, and one of every group beside each other, as attention wants them."""
        apart = (self._groups, self._folds, attention.head_dim)
        for queries in attention.q_proj.parameters():
            queries.data = queries.data.unflatten(0, apart).transpose(0, 1).flatten(0, 2)
        out = attention.o_proj.weight
        out.data = out.data.unflatten(1, apart).transpose(1, 2).flatten(1)

    def _pack_heads(self, attention: Qwen3VLTextAttention, scale: Tensor) -> None:
        self._heads = PackedLinear(attention.q_proj, attention.k_proj, attention.v_proj, scale=scale)
        self._head_weights = nn.Buffer(torch.cat(_head_weights(attention)))

    def _split(self, table: Tensor) -> Tensor:
        return table.view(*table.shape[:-1], -1, self._attention.head_dim)

    def _to_length(self, heads: Tensor, weights: Tensor) -> Tensor:
        """The norm of heads [1, tokens, heads, width], in place; gives them as pairs."""
        heads.mul_(_to_length_one(heads, self._epsilon)).mul_(weights)
        return torch.view_as_complex(heads.view(*heads.shape[:-1], -1, 2))

    def _attended(self, queries: Tensor, new: Tensor, segments: Sequence[Segment]) -> Tensor:
        """Queries [1, tokens, heads, pairs], keys and values [tokens, heads, width] to [1, tokens, width of all]."""
        module, width = self._attention, new.shape[-1]
        asking = torch.view_as_real(queries[0]).view(-1, self._folds, self._groups, width)
        found = attended(segments, module.layer_idx, asking, new.view(-1, 2, self._groups, width), module.scaling)
        return found.flatten(1)[None]

    def _finished(self, hidden: Tensor, attended: Tensor) -> Tensor:
        hidden = self._out.with_other(attended, hidden, "add")
        normed = _normed(hidden, self._epsilon)
        gated = self._up.with_other(normed, self._gate(normed, "swish"), "mul")
        return self._down.with_other(gated, hidden, "add")


class LastPackedLayer(PackedLayer):
    """Keys and values of all tokens are kept, but of what comes after them only that of rows' ends is ever read: the
    hidden states of other tokens stay as they were."""

    def _worked_out(self, hidden: Tensor, turns: Tensor, segments: Sequence[Segment]) -> Tensor:
        read = ends(segments, hidden.device)
        normed = _normed(hidden, self._epsilon)
        new = self._split(self._heads(normed))
        self._to_length(new[:, :, : self._groups], self._key_weights).mul_(turns)
        queries = self._to_length(self._split(self._queries(normed[:, read])), self._query_weights).mul_(turns[:, read])
        hidden[:, read] = self._finished(hidden[:, read], self._attended(queries, new[0], segments))
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


def _normed(hidden: Tensor, epsilon: Tensor) -> Tensor:
    """A root mean square of one in the last dimension; the norm's weights are in the products that follow."""
    return hidden * _to_length_one(hidden, epsilon)


def _to_length_one(hidden: Tensor, epsilon: Tensor) -> Tensor:
    """By what to multiply. The length is read in one operation that writes next to nothing; torch's own norm writes
    the squares."""
    length = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
    return torch.addcmul(epsilon, length, length, value=1 / hidden.shape[-1]).rsqrt_()
