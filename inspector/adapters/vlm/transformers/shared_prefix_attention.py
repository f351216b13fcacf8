"""Attention of rows that continue one prefix. The prefix's keys are read once for all rows; each row's own keys are
attended to apart, and the two results are merged by the logarithms of their sums of exponentials, which is exact
(online softmax, as in FlashAttention; for shared prefixes: Hydragen, FlashInfer's cascade). No row holds a copy of
the prefix. Knows tensors, and how transformers calls an attention function.

Queries are [tokens, folds, groups, width]: the heads of a group share keys, and each fold has one head of every group.
So the folds of a token stand like tokens of their own, and attention takes them as such without a copy. Keys and values
of one layer are one tensor, new ones [tokens, 2, groups, width], kept ones [2, rows, groups, tokens, width].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple, Protocol

import torch
from torch import Tensor

NAME: Final = "inspector_shared_prefix"
QUERIES: Final = 64  # a block of them: as many as torch's fused attention for CPUs takes at once
FUSED: Final = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # for CPUs alone


class Layout(NamedTuple):
    """How the packed tokens of some rows stand in a table of rows × width. `places` says where each one stands, None
    where the table has no gaps; `mask` [rows, 1, width, own tokens] is added to a row's scores with its own keys.
    `folded` [rows, 1, width × folds, own tokens] is the same for every fold, None where it hides nothing."""

    rows: int
    width: int
    places: Tensor | None
    mask: Tensor
    folded: Tensor | None

    def spread(self, packed: Tensor) -> Tensor:
        """[tokens, …] → [rows, table's width, …], with zeros in the gaps."""
        if self.places is not None:
            table = packed.new_zeros(self.rows * self.width, *packed.shape[1:])
            table[self.places] = packed
            packed = table
        return packed.reshape(self.rows, self.width, *packed.shape[1:])

    def packed(self, table: Tensor) -> Tensor:
        """[rows, table's width, …] → [tokens, …]"""
        flat = table.flatten(0, 1)
        return flat if self.places is None else flat[self.places]

    def unfolded(self, table: Tensor, folds: int) -> Tensor:
        """[rows, table's width × folds, …] → [tokens, folds, …]"""
        return self.packed(table.reshape(self.rows, self.width, folds, *table.shape[2:]))


class Partial(NamedTuple):
    """Attention over some of the keys: its output [rows, tokens, groups, width], and the logarithms of its sums of
    exponentials [rows, tokens, groups]."""

    output: Tensor
    log_total: Tensor


Attend = Callable[[Tensor, Tensor, Tensor, Layout, float], Tensor]


class Segment(Protocol):
    """Packed tokens of rows that share a prefix, or those of the prefix."""

    @property
    def ends(self) -> Sequence[int]:
        """Which of its tokens are read: the last one of each row."""

    @property
    def tokens(self) -> int: ...

    def attend(self, layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
        """Gives what its queries find, shaped as they are; keeps the new keys and values. The last layer may bring the
        queries of `ends` alone."""


def shared(queries: Tensor, prefix: Tensor, own: Tensor, layout: Layout, scale: float) -> Tensor:
    """Over the prefix once, and over each row's own keys."""
    before = partial(queries.flatten(0, 1)[None], prefix, scale)
    after = partial(layout.spread(queries).flatten(1, 2), own, scale, layout.folded)
    return merged(
        Partial(*(each.reshape(queries.shape[: each.dim()]) for each in before)),
        Partial(*(layout.unfolded(each, queries.shape[1]) for each in after)),
    )


def copied(queries: Tensor, prefix: Tensor, own: Tensor, layout: Layout, scale: float) -> Tensor:
    """The same the plain way, with a copy of the prefix in every row: the reference for tests."""
    keys, values = torch.cat([prefix.expand(-1, layout.rows, -1, -1, -1), own], dim=3)
    visible = layout.mask.new_zeros(layout.rows, 1, layout.width, prefix.shape[3])
    mask = torch.cat([visible, layout.mask], dim=3).to(queries.dtype)
    attend = torch.nn.functional.scaled_dot_product_attention
    heads = layout.spread(queries).permute(0, 3, 2, 1, 4)
    found = attend(heads.flatten(1, 2), keys, values, mask, scale=scale, enable_gqa=True)
    return layout.packed(found.view(heads.shape).permute(0, 3, 2, 1, 4))


def register() -> str:
    """Makes the attention known to transformers, and gives the name it has there."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    return NAME


def ends(segments: Sequence[Segment], device: torch.device) -> Tensor:
    """Which of the packed tokens of all segments are read."""
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
    """As transformers calls it; its own forwards have no segments."""
    if segments is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **settings)
        return output, None
    groups = key.shape[1]
    queries = query.view(groups, -1, *query.shape[2:]).permute(2, 1, 0, 3)
    found = attended(segments, module.layer_idx, queries, torch.stack([key[0], value[0]]).permute(2, 0, 1, 3), scaling)
    return found.transpose(1, 2).flatten(1, 2)[None], None


def attended(segments: Sequence[Segment], layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
    """Queries of all segments, one after the other, or of their ends alone; new keys and values of all their tokens.
    Gives what the queries find, shaped as they are."""
    if len(segments) == 1:
        return segments[0].attend(layer, queries, new, scale)
    sizes = [segment.tokens for segment in segments]
    each = zip(segments, torch.split(queries, sizes), torch.split(new, sizes), strict=True)
    return torch.cat([segment.attend(layer, asked, kept, scale) for segment, asked, kept in each])


class Causal:
    """Each of so many tokens attends to those up to itself. torch's fused attention for CPUs, told to be causal, still
    works out most of what it hides, and wants keys for every head: there the queries go in blocks, which share one
    mask."""

    def __init__(self, tokens: int, folds: int, like: Tensor) -> None:
        self._fused = not tells_sums(like.device)
        if self._fused:
            return
        ahead = like.new_full((QUERIES, QUERIES), -torch.inf).triu(1)
        hidden = like.new_zeros(QUERIES, folds, tokens + QUERIES)
        hidden[..., tokens:] = ahead[:, None]
        self._hidden = hidden

    def attend(self, queries: Tensor, own: Tensor, scale: float) -> Tensor:
        if self._fused:
            fused = torch.nn.functional.scaled_dot_product_attention
            heads = queries.permute(2, 1, 0, 3)
            keys, values = own
            found = fused(heads.flatten(0, 1)[None], keys, values, is_causal=True, scale=scale, enable_gqa=True)
            return found[0].view(heads.shape).permute(2, 1, 0, 3)
        firsts = range(0, len(queries), QUERIES)
        return torch.cat([self._block(queries, own, scale, first) for first in firsts])

    def _block(self, queries: Tensor, own: Tensor, scale: float, first: int) -> Tensor:
        tokens, block = len(queries), queries[first : first + QUERIES]
        end = first + len(block)
        hidden = self._hidden[: len(block), :, tokens - first : tokens + len(block)].flatten(0, 1)
        return partial(block.flatten(0, 1)[None], own[..., :end, :], scale, hidden).output.view(block.shape)


def merged(one: Partial, other: Partial) -> Tensor:
    """e^a / (e^a + e^b) is the sigmoid of a − b."""
    share = torch.sigmoid(one.log_total - other.log_total)[..., None]
    return torch.lerp(other.output, one.output, share.to(one.output.dtype))


def tells_sums(device: torch.device) -> bool:
    """Whether torch's fused attention for the device tells its sums of exponentials: that for CPUs alone does."""
    return device.type == "cpu"


def partial(queries: Tensor, kept: Tensor, scale: float, mask: Tensor | None = None) -> Partial:
    """Queries [rows, tokens, groups, width] over kept keys and values; `mask` is added to their scores."""
    work_out = FUSED if tells_sums(queries.device) else spelled_out
    output, log_total = work_out(queries.transpose(1, 2), *kept.unbind(), attn_mask=mask, scale=scale)
    return Partial(output.transpose(1, 2), log_total.transpose(1, 2))


def spelled_out(
    queries: Tensor, keys: Tensor, values: Tensor, *, attn_mask: Tensor | None, scale: float
) -> tuple[Tensor, Tensor]:
    """FUSED for devices whose fused attention keeps the sums to itself. [rows, groups, tokens, width] → the same, and
    sums [rows, groups, tokens]."""
    scores = (queries @ keys.mT).float() * scale
    if attn_mask is not None:
        scores = scores + attn_mask
    log_total = scores.logsumexp(dim=-1)
    shares = (scores - log_total[..., None]).exp().to(values.dtype)
    return shares @ values, log_total
