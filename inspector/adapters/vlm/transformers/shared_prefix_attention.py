"""Attention of rows that share a prefix: the prefix's keys are read once for all rows.

Each row attends to its own keys separately, and the two results are merged by their log-sum-exps, which is exact
(online softmax, as in FlashAttention; for shared prefixes: Hydragen, FlashInfer's cascade). No row holds a copy of the
prefix. Knows tensors, and how transformers calls an attention function.

Queries are [tokens, folds, groups, width]: the heads of a group share keys, and each fold has one head of every group.
The folds of a token are like tokens of their own, so attention takes them without a copy. Keys and values of one layer
are one tensor: new ones [tokens, 2, groups, width], kept ones [2, rows, groups, tokens, width].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple, Protocol

import torch
from torch import Tensor

ATTENTION_NAME: Final = "inspector_shared_prefix"
QUERY_BLOCK: Final = 64  # queries of a block: as many as torch's fused attention for CPUs takes at once
FUSED_CPU_ATTENTION: Final = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # CPUs only
FUSED_GPU_ATTENTION: Final = torch.ops.aten._scaled_dot_product_efficient_attention  # CUDA only
MASK_ALIGNMENT: Final = 16  # rows of a mask start at multiples of it, in numbers: the GPU kernel requires that


class RowLayout(NamedTuple):
    """How the packed tokens of some rows lie in a table of rows × width.

    `places` gives the position of each token, None without gaps. `mask` [rows, 1, width, own tokens] is added to a
    row's scores with its own keys. `folded` [rows, 1, width × folds, own tokens] is the same for every fold, None if it
    hides nothing.
    """

    rows: int
    width: int
    places: Tensor | None
    mask: Tensor
    folded: Tensor | None

    def spread(self, packed: Tensor) -> Tensor:
        """[tokens, …] → [rows, table width, …], with zeros in the gaps."""
        if self.places is not None:
            table = packed.new_zeros(self.rows * self.width, *packed.shape[1:])
            table[self.places] = packed
            packed = table
        return packed.reshape(self.rows, self.width, *packed.shape[1:])

    def packed(self, table: Tensor) -> Tensor:
        """[rows, table width, …] → [tokens, …]"""
        flat = table.flatten(0, 1)
        return flat if self.places is None else flat[self.places]

    def unfolded(self, table: Tensor, folds: int) -> Tensor:
        """[rows, table width × folds, …] → [tokens, folds, …]"""
        return self.packed(table.reshape(self.rows, self.width, folds, *table.shape[2:]))


class PartialAttention(NamedTuple):
    """Attention over some of the keys: output [rows, tokens, groups, width] and log-sum-exps [rows, tokens, groups]."""

    output: Tensor
    log_total: Tensor


Attend = Callable[[Tensor, Tensor, Tensor, RowLayout, float], Tensor]
LogSumAttention = Callable[..., tuple[Tensor, Tensor]]


class Segment(Protocol):
    """Packed tokens of rows that share a prefix, or those of the prefix."""

    @property
    def ends(self) -> Sequence[int]:
        """The tokens that are read: the last one of each row."""

    @property
    def tokens(self) -> int: ...

    def attend(self, layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
        """Keep the new keys and values; return the attention's output in the shape of the queries."""


def shared_prefix(queries: Tensor, prefix: Tensor, own: Tensor, layout: RowLayout, scale: float) -> Tensor:
    """Attend once over the prefix, and over each row's own keys."""
    before = partial_attention(queries.flatten(0, 1)[None], prefix, scale)
    after = partial_attention(layout.spread(queries).flatten(1, 2), own, scale, layout.folded)
    return merge_partials(
        PartialAttention(*(each.reshape(queries.shape[: each.dim()]) for each in before)),
        PartialAttention(*(layout.unfolded(each, queries.shape[1]) for each in after)),
    )


def copied_prefix(queries: Tensor, prefix: Tensor, own: Tensor, layout: RowLayout, scale: float) -> Tensor:
    """Attend the plain way, with a copy of the prefix in every row: the reference for tests."""
    keys, values = torch.cat([prefix.expand(-1, layout.rows, -1, -1, -1), own], dim=3)
    visible = layout.mask.new_zeros(layout.rows, 1, layout.width, prefix.shape[3])
    mask = torch.cat([visible, layout.mask], dim=3).to(queries.dtype)
    attend = torch.nn.functional.scaled_dot_product_attention
    heads = layout.spread(queries).permute(0, 3, 2, 1, 4)
    found = attend(heads.flatten(1, 2), keys, values, mask, scale=scale, enable_gqa=True)
    return layout.packed(found.view(heads.shape).permute(0, 3, 2, 1, 4))


def register_attention() -> str:
    """Register the attention with transformers; return its name there."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION_NAME, attend)
    return ATTENTION_NAME


def end_indices(segments: Sequence[Segment], device: torch.device) -> Tensor:
    """Return the indices of the packed tokens that are read, over all segments."""
    firsts = accumulate((segment.tokens for segment in segments), initial=0)
    read = [first + end for first, segment in zip(firsts, segments, strict=False) for end in segment.ends]
    return torch.tensor(read, device=device)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    segments: Sequence[Segment] | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """The attention function that transformers calls. Its own forwards have no segments."""
    if segments is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **settings)
        return output, None
    groups = key.shape[1]
    queries = query.view(groups, -1, *query.shape[2:]).permute(2, 1, 0, 3)
    found = attend_segments(
        segments, module.layer_idx, queries, torch.stack([key[0], value[0]]).permute(2, 0, 1, 3), scaling
    )
    return found.transpose(1, 2).flatten(1, 2)[None], None


def attend_segments(segments: Sequence[Segment], layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
    """Attend with the queries of all segments in turn; return the output in their shape."""
    if len(segments) == 1:
        return segments[0].attend(layer, queries, new, scale)
    sizes = [segment.tokens for segment in segments]
    each = zip(segments, torch.split(queries, sizes), torch.split(new, sizes), strict=True)
    return torch.cat([segment.attend(layer, asked, kept, scale) for segment, asked, kept in each])


class CausalPrefill:
    """Causal attention: each token attends to the tokens up to itself.

    torch's fused attention for CPUs computes most of what a causal mask hides, and requires keys for every head. There
    the queries go in blocks that share one mask.
    """

    def __init__(self, tokens: int, folds: int, like: Tensor) -> None:
        self._fused = log_sum_attention(like.device) is not FUSED_CPU_ATTENTION
        if self._fused:
            return
        ahead = like.new_full((QUERY_BLOCK, QUERY_BLOCK), -torch.inf).triu(1)
        hidden = like.new_zeros(QUERY_BLOCK, folds, tokens + QUERY_BLOCK)
        hidden[..., tokens:] = ahead[:, None]
        self._hidden = hidden

    def attend(self, queries: Tensor, own: Tensor, scale: float) -> Tensor:
        if self._fused:
            return fused_causal(queries, own, scale)
        firsts = range(0, len(queries), QUERY_BLOCK)
        return torch.cat([self._block(queries, own, scale, first) for first in firsts])

    def _block(self, queries: Tensor, own: Tensor, scale: float, first: int) -> Tensor:
        tokens, block = len(queries), queries[first : first + QUERY_BLOCK]
        end = first + len(block)
        hidden = self._hidden[: len(block), :, tokens - first : tokens + len(block)].flatten(0, 1)
        return partial_attention(block.flatten(0, 1)[None], own[..., :end, :], scale, hidden).output.view(block.shape)


def fused_causal(queries: Tensor, own: Tensor, scale: float) -> Tensor:
    """Attend causally with torch's fused attention."""
    heads = queries.permute(2, 1, 0, 3)
    keys, values = own
    found = torch.nn.functional.scaled_dot_product_attention(
        heads.flatten(0, 1)[None], keys, values, is_causal=True, scale=scale, enable_gqa=True
    )
    return found[0].view(heads.shape).permute(2, 1, 0, 3)


def merge_partials(one: PartialAttention, other: PartialAttention) -> Tensor:
    """Merge two results. e^a / (e^a + e^b) is the sigmoid of a − b."""
    share = torch.sigmoid(one.log_total - other.log_total)[..., None]
    return torch.lerp(other.output, one.output, share.to(one.output.dtype))


def log_sum_attention(device: torch.device) -> LogSumAttention:
    """Return the attention for this device that also returns log-sum-exps."""
    fused: dict[str, LogSumAttention] = {"cpu": FUSED_CPU_ATTENTION, "cuda": gpu_attention}
    return fused.get(device.type, plain_attention)


def additive_mask(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the mask that is added to scores, from what is seen [..., tokens]. Its rows are aligned in memory."""
    *shape, tokens = seen.shape
    width = -(-tokens // MASK_ALIGNMENT) * MASK_ALIGNMENT
    mask = torch.full((*shape, width), -torch.inf, dtype=dtype, device=seen.device)
    return mask[..., :tokens].masked_fill_(seen, 0.0)


def partial_attention(queries: Tensor, kept: Tensor, scale: float, mask: Tensor | None = None) -> PartialAttention:
    """Attend with queries [rows, tokens, groups, width] over kept keys and values.

    `mask`, an `additive_mask` of the queries' type, is added to the scores.
    """
    work_out = log_sum_attention(queries.device)
    output, log_total = work_out(queries.transpose(1, 2), *kept.unbind(), attn_mask=mask, scale=scale)
    return PartialAttention(output.transpose(1, 2), log_total.transpose(1, 2))


def gpu_attention(
    queries: Tensor, keys: Tensor, values: Tensor, *, attn_mask: Tensor | None, scale: float
) -> tuple[Tensor, Tensor]:
    """Attention with log-sum-exps in one kernel, which pads the sums to whole blocks of tokens."""
    rows, groups, tokens, _ = queries.shape
    mask = None if attn_mask is None else attn_mask.expand(rows, groups, tokens, -1)
    output, log_total, *_ = FUSED_GPU_ATTENTION(queries, keys, values, mask, True, scale=scale)
    return output, log_total[..., :tokens]


def plain_attention(
    queries: Tensor, keys: Tensor, values: Tensor, *, attn_mask: Tensor | None, scale: float
) -> tuple[Tensor, Tensor]:
    """Attention with log-sum-exps for devices whose fused attention does not return them.

    Maps [rows, groups, tokens, width] to the same shape, and sums [rows, groups, tokens].
    """
    scores = (queries @ keys.mT).float() * scale
    if attn_mask is not None:
        scores = scores + attn_mask
    log_total = scores.logsumexp(dim=-1)
    shares = (scores - log_total[..., None]).exp().to(values.dtype)
    return shares @ values, log_total
