"""What a part leaves in memory: the prefix's keys and values, kept once, and those of the rows that continue it, each
row its own tokens only; and how one forward adds to them. Knows tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final

import torch
from torch import Tensor

from inspector.adapters.vlm.transformers.kv_pages import Pages, Places
from inspector.adapters.vlm.transformers.shared_prefix_attention import Attend, Causal, Layout
from inspector.domain.report import WHOLE_FRAME, Box
from inspector.errors import ModelError


@dataclass(frozen=True, slots=True, eq=False)
class Unread:
    """What the language model has not read yet: `embedded` [tokens, width], `positions` [3, tokens], `is_picture`
    [tokens], and what its first layers add to pictures' tokens, `deepstack` [pictures' tokens, width] each."""

    embedded: Tensor
    positions: Tensor
    is_picture: Tensor
    deepstack: Sequence[Tensor]


@dataclass(slots=True, eq=False, weakref_slot=True)
class KeptPrefix:
    """Pictures and preamble: `unread` until the first rows continue them, then every layer's keys and values
    [2, 1, groups, tokens, width] in its place of a page, to which nobody writes. `position` is where the next token
    stands (pictures take fewer positions than tokens). `patches` [rows, columns, width] are the last picture's, as they
    left the vision tower: a few hundredths of what the layers take; `window` is the part of it that they show."""

    layers: Sequence[Tensor]
    tokens: int
    position: int
    patches: Tensor | None = None
    window: Box = WHOLE_FRAME
    unread: Unread | None = None
    places: Places | None = None
    is_closed: bool = False

    @property
    def held(self) -> int:
        """How many tokens' keys and values it holds, or will once it is read."""
        return 0 if self.is_closed else self.tokens

    def check_open(self) -> None:
        """Raises ModelError once closed."""
        if self.is_closed:
            raise ModelError("the prefix is closed; open the pictures again")

    def seen(self) -> Tensor:
        """The last picture's patches. Raises ModelError once closed."""
        patches = self.patches
        self.check_open()
        if patches is None:
            raise ModelError("the prefix was opened without looking at a picture; open one")
        return patches

    def keep(self, layers: Sequence[Tensor], places: Places | None = None) -> None:
        """It was read. Whoever closes it meanwhile, in another thread, frees it all the same."""
        self.layers, self.places, self.unread = tuple(layers), places, None
        if self.is_closed:
            self.layers, self.places = (), None

    def close(self) -> None:
        self.is_closed = True
        self.layers, self.places, self.patches, self.unread = (), None, None, None


@dataclass(slots=True, eq=False)
class Rows:
    """Continuations of one prefix that advance together. The first step may give each row another number of tokens:
    they are aligned to the right, `gaps` counts the empty columns before each row. Later steps append as many to each.

    `own` are every layer's keys and values [2, rows, groups, room, width] in their `places`, made by the first forward;
    `filled` are the columns in use, and `positions` where each row's next token stands.
    """

    prefix: KeptPrefix
    room: int
    gaps: list[int]
    positions: list[int]
    own: list[Tensor] = field(default_factory=list)
    filled: int = 0
    places: Places | None = None

    @classmethod
    def begin(cls, prefix: KeptPrefix, count: int, room: int) -> Rows:
        prefix.check_open()
        return cls(prefix, room, [0] * count, [prefix.position] * count)

    def only(self, chosen: Sequence[int]) -> Rows:
        """The chosen rows, on their own from here on; one that is chosen twice goes on as two."""
        gaps, positions = [self.gaps[row] for row in chosen], [self.positions[row] for row in chosen]
        if self.places is None:
            return replace(self, gaps=gaps, positions=positions)
        places = self.places.others(len(chosen))
        own = [places.layer(number) for number in range(len(self.own))]
        for mine, theirs in zip(own, self.own, strict=True):
            mine[..., : self.filled, :] = theirs[:, list(chosen), :, : self.filled]
            mine[..., self.filled :, :] = 0.0
        return replace(self, own=own, gaps=gaps, positions=positions, places=places)


class FirstReading:
    """A prefix's tokens, as `attention.Segment`, in the forward of the first rows that continue it. `last` is the last
    layer: nobody reads what it says of a prefix. `folds`: how many heads share keys. Nothing counts before `commit`."""

    ends: Final = ()

    def __init__(self, prefix: KeptPrefix, unread: Unread, last: int, folds: int, pages: Pages) -> None:
        self._prefix, self._last, self._places = prefix, last, pages.take(1, len(unread.embedded))
        self._causal = Causal(len(unread.embedded), folds, unread.embedded)
        self.unread = unread
        self.layers: list[Tensor] = []

    @property
    def tokens(self) -> int:
        return len(self.unread.embedded)

    def attend(self, layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
        room, tokens = self._places.layer(layer), self.tokens
        kept = room[..., :tokens, :]
        kept[:, 0] = new.permute(1, 2, 0, 3)
        room[..., tokens:, :] = 0.0  # hidden, but what is no number would show all the same
        self.layers.append(kept)
        return queries if layer == self._last else self._causal.attend(queries, kept, scale)

    def commit(self) -> None:
        self._prefix.keep(self.layers, self._places)


class Advance:
    """New tokens for some rows, as `attention.Segment`: writes their keys and values behind what the rows hold.
    Nothing counts before `commit`, so a forward that failed can be made again. `folds`: how many heads share keys;
    `reading` is of the rows' prefix, where the same forward reads it."""

    def __init__(
        self,
        rows: Rows,
        tokens: Sequence[Sequence[int]],
        attend: Attend,
        folds: int,
        pages: Pages,
        reading: FirstReading | None = None,
    ) -> None:
        self._rows, self._attend = rows, attend
        self._prefix = rows.prefix.layers if reading is None else reading.layers
        rows.prefix.check_open()
        rows.places = self._places = rows.places or pages.take(len(rows.gaps), rows.room)
        device = pages.shape.device
        self.lengths = [len(row) for row in tokens]
        self.ends = [end - 1 for end in accumulate(self.lengths)]
        width = max(self.lengths)
        self._end = rows.filled + width
        self._gaps = rows.gaps if rows.filled else [width - length for length in self.lengths]
        mask = _mask(self._gaps, rows.filled, self._end, device)
        folded = mask.repeat_interleave(folds, dim=2) if width > 1 or any(self._gaps) else None
        self._layout = Layout(len(tokens), width, _places(self.lengths, width, device), mask, folded)
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
            rows.own.append(self._places.layer(layer).zero_())  # hidden, but what is no number would show all the same
        rows.own[layer][..., rows.filled : self._end, :] = self._layout.spread(new).permute(2, 0, 3, 1, 4)
        own = rows.own[layer][..., : self._end, :]
        return self._attend(queries, self._prefix[layer], own, self._layout, scale)

    def commit(self) -> None:
        rows = self._rows
        rows.positions = [first + length for first, length in zip(rows.positions, self.lengths, strict=True)]
        rows.gaps, rows.filled = self._gaps, self._end


def _places(lengths: Sequence[int], width: int, device: torch.device) -> Tensor | None:
    """Where the tokens of all rows stand in the table; None without a gap."""
    if min(lengths) == width:
        return None
    places = [row * width + column for row, length in enumerate(lengths) for column in range(width - length, width)]
    return torch.tensor(places, device=device)


def _mask(gaps: Sequence[int], start: int, end: int, device: torch.device) -> Tensor:
    """[rows, 1, end − start, end]: a token sees its row's tokens up to itself; a gap, for want of any, itself."""
    columns = torch.arange(end, device=device)
    now = columns[start:, None]
    first = torch.tensor(gaps, device=device)[:, None, None, None]
    seen = (columns <= now) & ((columns >= first) | (columns == now))
    return torch.zeros(seen.shape, device=device).masked_fill(~seen, -torch.inf)
