"""Keys and values of a part: the prefix's, kept once, and those of the rows that continue it.

Each row holds its own tokens only. Also how one forward adds to them. Knows tensors only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final

import torch
from torch import Tensor

from inspector.adapters.vlm.transformers.kv_pages import KVPages, KVShape, PageSlots
from inspector.adapters.vlm.transformers.shared_prefix_attention import (
    Attend,
    CausalPrefill,
    RowLayout,
    additive_mask,
)
from inspector.domain.report import WHOLE_FRAME, Box
from inspector.errors import ModelError


@dataclass(frozen=True, slots=True, eq=False)
class UnreadPrefix:
    """Input of the language model that it has not read yet.

    `embedded` [tokens, width], `positions` [3, tokens]; `deepstack` [tokens, width] each is added by the first layers.
    """

    embedded: Tensor
    positions: Tensor
    deepstack: Sequence[Tensor]


@dataclass(slots=True, eq=False, weakref_slot=True)
class KeptPrefix:
    """Pictures and preamble: `unread` until the first rows continue them, then every layer's keys and values.

    These are [2, 1, groups, tokens, width], in slots of a page that nothing writes to. `position` is the position of
    the next token (pictures take fewer positions than tokens). `patches` [rows, columns, width] are the last picture's,
    as they left the vision tower; `window` is the part of it that they show, and `scale` the side of its
    pixels there.
    """

    layers: Sequence[Tensor]
    tokens: int
    position: int
    patches: Tensor | None = None
    window: Box = WHOLE_FRAME
    unread: UnreadPrefix | None = None
    places: PageSlots | None = None
    is_closed: bool = False
    scale: float = 1.0

    @property
    def held(self) -> int:
        """The number of tokens whose keys and values it holds, or will hold once it is read."""
        return 0 if self.is_closed else self.tokens

    def check_open(self) -> None:
        """Raise ModelError once closed."""
        if self.is_closed:
            raise ModelError("the prefix is closed; open the pictures again")

    def seen(self) -> Tensor:
        """Return the last picture's patches. Raises ModelError once closed."""
        patches = self.patches
        self.check_open()
        if patches is None:
            raise ModelError("the prefix was opened without looking at a picture; open one")
        return patches

    def keep(self, layers: Sequence[Tensor], places: PageSlots | None = None) -> None:
        """Store the keys and values that were read. If another thread has closed the prefix meanwhile, free them."""
        self.layers, self.places, self.unread = tuple(layers), places, None
        if self.is_closed:
            self.layers, self.places = (), None

    def close(self) -> None:
        self.is_closed = True
        self.layers, self.places, self.patches, self.unread = (), None, None, None


@dataclass(slots=True, eq=False)
class SequenceRows:
    """Continuations of one prefix that advance together.

    The first step may give each row another number of tokens: they are aligned to the right, `gaps` counts the empty
    columns before each row. Later steps append the same number to each. `own` are every layer's keys and values [2,
    rows, groups, room, width] in their slots, made by the first forward; `filled` is the number of columns in use,
    `positions` those of each row's next token.
    """

    prefix: KeptPrefix
    room: int
    gaps: list[int]
    positions: list[int]
    own: list[Tensor] = field(default_factory=list)
    filled: int = 0
    places: PageSlots | None = None

    @classmethod
    def begin(cls, prefix: KeptPrefix, count: int, room: int) -> SequenceRows:
        prefix.check_open()
        return cls(prefix, room, [0] * count, [prefix.position] * count)

    def only(self, chosen: Sequence[int]) -> SequenceRows:
        """Return the chosen rows on their own. A row chosen twice continues as two."""
        gaps, positions = [self.gaps[row] for row in chosen], [self.positions[row] for row in chosen]
        if self.places is None:
            return replace(self, gaps=gaps, positions=positions)
        places = self.places.others(len(chosen))
        own = [places.layer(number) for number in range(len(self.own))]
        for mine, theirs in zip(own, self.own, strict=True):
            mine[..., : self.filled, :] = theirs[:, list(chosen), :, : self.filled]
            mine[..., self.filled :, :] = 0.0
        return replace(self, own=own, gaps=gaps, positions=positions, places=places)


class PrefixPrefill:
    """A prefix's tokens (a Segment) in the forward of the first rows that continue it.

    `last` is the last layer, whose output for a prefix is never read. `folds` is the number of heads that share keys.
    Nothing is kept before `commit`.
    """

    ends: Final = ()

    def __init__(self, prefix: KeptPrefix, unread: UnreadPrefix, last: int, folds: int, pages: KVPages) -> None:
        self._prefix, self._last, self._places = prefix, last, pages.take(1, len(unread.embedded))
        self._causal = CausalPrefill(len(unread.embedded), folds, unread.embedded)
        self.unread = unread
        self.layers: list[Tensor] = []

    @property
    def tokens(self) -> int:
        return len(self.unread.embedded)

    def attend(self, layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
        room, tokens = self._places.layer(layer), self.tokens
        kept = room[..., :tokens, :]
        kept[:, 0] = new.permute(1, 2, 0, 3)
        room[..., tokens:, :] = 0.0  # hidden, but a stale NaN would leak through the mask
        self.layers.append(kept)
        return queries if layer == self._last else self._causal.attend(queries, kept, scale)

    def commit(self) -> None:
        self._prefix.keep(self.layers, self._places)


class RowAdvance:
    """New tokens for some rows (a Segment): writes their keys and values behind what the rows hold.

    Nothing is kept before `commit`, so a failed forward can be retried. `folds` is the number of heads that share keys;
    `reading` is the prefill of the rows' prefix, if the same forward reads it.
    """

    def __init__(
        self,
        rows: SequenceRows,
        tokens: Sequence[Sequence[int]],
        attend: Attend,
        folds: int,
        pages: KVPages,
        reading: PrefixPrefill | None = None,
    ) -> None:
        self._rows, self._attend = rows, attend
        self._prefix = rows.prefix.layers if reading is None else reading.layers
        rows.prefix.check_open()
        rows.places = self._places = rows.places or pages.take(len(rows.gaps), rows.room)
        self.lengths = [len(row) for row in tokens]
        self.ends = [end - 1 for end in accumulate(self.lengths)]
        width = max(self.lengths)
        self._end = rows.filled + width
        self._gaps = rows.gaps if rows.filled else [width - length for length in self.lengths]
        self._layout = row_layout(self.lengths, self._gaps, rows.filled, folds, pages.shape)
        self.ids = [token for row in tokens for token in row]
        self.positions = [
            first + step for first, length in zip(rows.positions, self.lengths, strict=True) for step in range(length)
        ]

    @property
    def tokens(self) -> int:
        return len(self.ids)

    def attend(self, layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
        rows = self._rows
        if layer == len(rows.own):
            rows.own.append(self._places.layer(layer).zero_())  # hidden, but a stale NaN would leak through the mask
        rows.own[layer][..., rows.filled : self._end, :] = self._layout.spread(new).permute(2, 0, 3, 1, 4)
        own = rows.own[layer][..., : self._end, :]
        return self._attend(queries, self._prefix[layer], own, self._layout, scale)

    def commit(self) -> None:
        rows = self._rows
        rows.positions = [first + length for first, length in zip(rows.positions, self.lengths, strict=True)]
        rows.gaps, rows.filled = self._gaps, self._end


def row_layout(lengths: Sequence[int], gaps: Sequence[int], start: int, folds: int, shape: KVShape) -> RowLayout:
    """Lay out rows that read `lengths` tokens behind their gaps and the columns up to `start`."""
    width = max(lengths)
    seen = _seen(gaps, start, start + width, shape.device)
    folded = None
    if width > 1 or any(gaps):
        folded = additive_mask(seen.repeat_interleave(folds, dim=2), shape.dtype)
    places = _places(lengths, width, shape.device)
    return RowLayout(len(lengths), width, places, additive_mask(seen, shape.dtype), folded)


def _places(lengths: Sequence[int], width: int, device: torch.device) -> Tensor | None:
    """Return the positions of all rows' tokens in the table; None without a gap."""
    if min(lengths) == width:
        return None
    places = [row * width + column for row, length in enumerate(lengths) for column in range(width - length, width)]
    return torch.tensor(places, device=device)


def _seen(gaps: Sequence[int], start: int, end: int, device: torch.device) -> Tensor:
    """Return what is seen [rows, 1, end − start, end]: the row's tokens up to each token; a gap sees only itself."""
    columns = torch.arange(end, device=device)
    now = columns[start:, None]
    first = torch.tensor(gaps, device=device)[:, None, None, None]
    return (columns <= now) & ((columns >= first) | (columns == now))
