"""Attention of rows that continue one prefix. The prefix's keys are read once for all rows; each row's own keys are
attended to apart, and the two results are merged by the logarithms of their sums of exponentials, which is exact
(online softmax, as in FlashAttention; for shared prefixes: Hydragen, FlashInfer's cascade). No row holds a copy of
the prefix. Knows tensors, and how transformers calls an attention function.
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


class Kept(NamedTuple):
    """Keys and values of one layer, [rows, heads, tokens, width]."""

    keys: Tensor
    values: Tensor


class Layout(NamedTuple):
    """How the packed tokens of some rows stand in a table of rows × width. `places` says where each one stands, None
    where the table has no gaps; `mask` [rows, 1, width, own tokens] is added to a row's scores with its own keys.
    `folded` is the same for all heads that share keys, one after the other, None where it hides nothing."""

    rows: int
    width: int
    places: Tensor | None
    mask: Tensor
    folded: Tensor | None

    def spread(self, packed: Tensor) -> Tensor:
        """[heads, tokens, width] → [rows, heads, table's width, width], with zeros in the gaps."""
        heads, _, width = packed.shape
        if self.places is not None:
            table = packed.new_zeros(heads, self.rows * self.width, width)
            table[:, self.places] = packed
            packed = table
        return packed.view(heads, self.rows, self.width, width).transpose(0, 1)

    def of_ends(self) -> Layout:
        """That of each row's last token alone."""
        folded = None if self.folded is None else self.folded[:, :, self.width - 1 :: self.width]
        return Layout(self.rows, 1, None, self.mask[:, :, -1:], folded)

    def packed(self, table: Tensor) -> Tensor:
        """[rows, heads, table's width, …] → [heads, tokens, …]"""
        flat = table.transpose(0, 1).flatten(1, 2)
        return flat if self.places is None else flat[:, self.places]


class Partial(NamedTuple):
    """Attention over some of the keys: its output, and the logarithm of its sum of exponentials."""

    output: Tensor
    log_total: Tensor


Attend = Callable[[Tensor, Kept, Kept, Layout, float], Tensor]


class Segment(Protocol):
    """Packed tokens of rows that share a prefix, or those of the prefix."""

    @property
    def ends(self) -> Sequence[int]:
        """Which of its tokens are read: the last one of each row."""

    @property
    def tokens(self) -> int: ...

    def attend(self, layer: int, queries: Tensor, new: Kept, scale: float) -> Tensor:
        """[heads, tokens, width] → the same; keeps the new keys and values. The last layer may bring the queries of
        `ends` alone."""


def shared(queries: Tensor, prefix: Kept, own: Kept, layout: Layout, scale: float) -> Tensor:
    """Queries [heads, tokens, width] over the prefix once, and over each row's own keys; the heads that share keys are
    folded into the tokens, so that nothing is repeated for them either."""
    heads, tokens, width = queries.shape
    groups = prefix.keys.shape[1]
    before = partial(queries.reshape(1, groups, -1, width), prefix, scale)
    table = layout.spread(queries).reshape(layout.rows, groups, -1, width)
    after = partial(table, own, scale, layout.folded)
    unfolded = (layout.rows, heads, layout.width)
    return merged(
        Partial(before.output.reshape(queries.shape), before.log_total.reshape(heads, tokens)),
        Partial(
            layout.packed(after.output.reshape(*unfolded, width)), layout.packed(after.log_total.reshape(unfolded))
        ),
    )


def copied(queries: Tensor, prefix: Kept, own: Kept, layout: Layout, scale: float) -> Tensor:
    """The same the plain way, with a copy of the prefix in every row: the reference for tests."""
    keys, values = (
        torch.cat([kept.expand(layout.rows, -1, -1, -1), mine], dim=2) for kept, mine in zip(prefix, own, strict=True)
    )
    visible = layout.mask.new_zeros(layout.rows, 1, layout.width, prefix.keys.shape[2])
    mask = torch.cat([visible, layout.mask], dim=3).to(queries.dtype)
    attend = torch.nn.functional.scaled_dot_product_attention
    return layout.packed(attend(layout.spread(queries), keys, values, mask, scale=scale, enable_gqa=True))


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
    return attended(segments, module.layer_idx, query, key, value, scaling), None


def attended(
    segments: Sequence[Segment], layer: int, queries: Tensor, keys: Tensor, values: Tensor, scale: float
) -> Tensor:
    """Queries [1, heads, tokens, width] of all segments, one after the other, or of their ends alone; keys and values
    of all their tokens. Gives [1, tokens, heads, width]."""
    sizes = [segment.tokens for segment in segments]
    asking = sizes if queries.shape[2] == keys.shape[2] else [len(segment.ends) for segment in segments]
    new = (torch.split(tensor[0], sizes, dim=1) for tensor in (keys, values))
    outputs = [
        segment.attend(layer, asked, Kept(*kept), scale)
        for segment, asked, *kept in zip(segments, torch.split(queries[0], asking, dim=1), *new, strict=True)
    ]
    return torch.cat([output.transpose(0, 1) for output in outputs])[None]


class Causal:
    """Each of so many tokens attends to those up to itself. `folds`: how many heads share keys. torch's fused attention
    for CPUs, told to be causal, still works out most of what it hides, and wants keys for every head: there the queries
    go in blocks, which share one mask."""

    def __init__(self, tokens: int, folds: int, like: Tensor) -> None:
        self._fused = like.device.type != "cpu"
        if self._fused:
            return
        hidden = like.new_zeros(folds, QUERIES, tokens + QUERIES)
        hidden[..., tokens:] = hidden.new_full((QUERIES, QUERIES), -torch.inf).triu(1)
        self._hidden = hidden

    def attend(self, queries: Tensor, own: Kept, scale: float) -> Tensor:
        """[heads, tokens, width] → the same."""
        if self._fused:
            fused = torch.nn.functional.scaled_dot_product_attention
            return fused(queries[None], *own, is_causal=True, scale=scale, enable_gqa=True)[0]
        firsts = range(0, queries.shape[1], QUERIES)
        return torch.cat([self._block(queries, own, scale, first) for first in firsts], dim=1)

    def _block(self, queries: Tensor, own: Kept, scale: float, first: int) -> Tensor:
        tokens, block = queries.shape[1], queries[:, first : first + QUERIES]
        count = block.shape[1]
        seen = Kept(*(each[:, :, : first + count] for each in own))
        hidden = self._hidden[:, :count, tokens - first : tokens + count].flatten(0, 1)
        folded = block.reshape(1, own.keys.shape[1], -1, block.shape[2])
        return partial(folded, seen, scale, hidden).output.view(block.shape)


def merged(one: Partial, other: Partial) -> Tensor:
    """e^a / (e^a + e^b) is the sigmoid of a − b."""
    share = torch.sigmoid(one.log_total - other.log_total)[..., None]
    return torch.lerp(other.output, one.output, share.to(one.output.dtype))


def partial(queries: Tensor, kept: Kept, scale: float, mask: Tensor | None = None) -> Partial:
    """Queries [rows, heads that share no keys, tokens, width] over these keys; `mask` is added to their scores."""
    if queries.device.type == "cpu":
        return Partial(*FUSED(queries, kept.keys, kept.values, attn_mask=mask, scale=scale))
    return spelled_out(queries, kept, scale, mask)


def spelled_out(queries: Tensor, kept: Kept, scale: float, mask: Tensor | None) -> Partial:
    """For devices whose fused attention keeps the sums to itself."""
    scores = (queries @ kept.keys.mT).float() * scale
    if mask is not None:
        scores = scores + mask
    log_total = scores.logsumexp(dim=-1)
    shares = (scores - log_total[..., None]).exp().to(kept.values.dtype)
    return Partial(shares @ kept.values, log_total)
