"""A prefix with the first rows that continue it, in a form that recurs with every part of a line.

Prefix and questions are as long each time. What differs are numbers, and the slots that keep keys and values. Knows
tensors only.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from inspector.adapters.vlm.transformers.kv_cache import SequenceRows, UnreadPrefix
from inspector.adapters.vlm.transformers.kv_pages import KVPage, KVPages, living_page
from inspector.adapters.vlm.transformers.shared_prefix_attention import RowLayout, fused_causal, shared_prefix


class PrefixForm(NamedTuple):
    """What forwards that share a capture have in common: lengths of prefix and rows, deepstack layers, and pages.

    It does not keep the pages alive.
    """

    tokens: int
    lengths: tuple[int, ...]
    deepstack: int
    prefixes: weakref.ref[KVPage]
    own: weakref.ref[KVPage]


class PrefixGraphStep:
    """Rows that read their prefix: its `form` and its `inputs`. Nothing is kept before `commit`."""

    def __init__(
        self,
        rows: SequenceRows,
        tokens: Sequence[Sequence[int]],
        unread: UnreadPrefix,
        prefixes: KVPages,
        own: KVPages,
    ) -> None:
        rows.prefix.check_open()
        self._rows, self._place = rows, prefixes.take(1, len(unread.embedded))
        rows.places = self._places = rows.places or own.take(len(rows.gaps), rows.room)
        self.rows, lengths = len(tokens), tuple(map(len, tokens))
        pages = weakref.ref(self._place.page), weakref.ref(self._places.page)
        self.form = PrefixForm(len(unread.embedded), lengths, len(unread.deepstack), *pages)
        ids = [token for row in tokens for token in row]
        positions = [
            first + step for first, count in zip(rows.positions, lengths, strict=True) for step in range(count)
        ]
        lasts = [len(unread.embedded) + end - 1 for end in accumulate(lengths)]
        slots = [self._place.first, *range(self._places.first, self._places.first + len(tokens))]
        numbers = torch.tensor([*ids, *positions, *lasts, *slots])
        self.inputs = (numbers, unread.embedded, unread.positions, *unread.deepstack)

    def commit(self) -> None:
        rows, lengths = self._rows, self.form.lengths
        layers = range(self._place.pages.shape.layers)
        kept = [self._place.layer(number)[..., : self.form.tokens, :] for number in layers]
        rows.own = [self._places.layer(number) for number in layers]
        rows.filled = max(lengths)
        rows.gaps = [rows.filled - length for length in lengths]
        rows.positions = [first + length for first, length in zip(rows.positions, lengths, strict=True)]
        rows.prefix.keep(kept, self._place)


class PrefixGraphSegment:
    """A forward of this form with these numbers (a Segment): the prefix's tokens, then those of its rows."""

    def __init__(self, form: PrefixForm, layout: RowLayout, numbers: Tensor) -> None:
        read, rows = sum(form.lengths), len(form.lengths)
        self.ids, self.positions, self.lasts, *self._slots = torch.split(numbers, [read, read, rows, 1, rows])
        self._prefix_tokens, self._layout = form.tokens, layout
        self._pages = [living_page(page).layers for page in (form.prefixes, form.own)]
        self.tokens = form.tokens + read
        self.ends = [form.tokens + end - 1 for end in accumulate(form.lengths)]

    def attend(self, layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
        before, after = self._prefix_tokens, self.tokens - self._prefix_tokens
        prefix = new[:before].permute(1, 2, 0, 3)[:, None]
        own = self._layout.spread(new[before:]).permute(2, 0, 3, 1, 4)
        for layers, slots, kept in zip(self._pages, self._slots, (prefix, own), strict=True):
            _store(layers[layer], slots, kept)
        reading, asking = torch.split(queries, [before, after])
        found = shared_prefix(asking, prefix, own, self._layout, scale)
        is_last = layer == len(self._pages[0]) - 1  # its output for a prefix is never read
        return torch.cat([reading if is_last else fused_causal(reading, prefix, scale), found])


def _store(page: Tensor, slots: Tensor, kept: Tensor) -> None:
    """Write keys and values into slots, and zeros behind them: hidden, but a stale NaN would leak through the mask."""
    page.index_copy_(1, slots, pad(kept, (0, 0, 0, page.shape[3] - kept.shape[3])))
