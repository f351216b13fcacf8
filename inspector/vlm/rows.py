"""What a part leaves in memory: the prefix's keys and values, kept once, and those of the rows that continue it, each
row its own tokens only. Knows tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from inspector.errors import ModelError
from inspector.report import WHOLE, Box
from inspector.vlm.attention import Attend, Kept, Layout


@dataclass(slots=True, eq=False, weakref_slot=True)
class KeptPrefix:
    """Pictures and preamble, every layer [1, heads, tokens, width]; nobody writes to them. `layers` is None once
    closed. `position` is where the next token stands (pictures take fewer positions than tokens). `patches` [rows,
    columns, width] are the last picture's, as they left the vision tower: a few hundredths of what the layers take;
    `window` is the part of it that they show."""

    layers: tuple[Kept, ...] | None
    tokens: int
    position: int
    patches: Tensor | None = None
    window: Box = WHOLE

    @property
    def held(self) -> int:
        """How many tokens' keys and values it still holds."""
        return 0 if self.layers is None else self.tokens

    def opened(self) -> tuple[Kept, ...]:
        """Raises ModelError once closed."""
        if self.layers is None:
            raise ModelError("the prefix is closed; open the pictures again")
        return self.layers

    def seen(self) -> Tensor:
        """The last picture's patches. Raises ModelError once closed."""
        self.opened()
        if self.patches is None:
            raise ModelError("the prefix was opened without looking at a picture; open one")
        return self.patches

    def close(self) -> None:
        self.layers = self.patches = None


@dataclass(slots=True, eq=False)
class Rows:
    """Continuations of one prefix that advance together. The first step may give each row another number of tokens:
    they are aligned to the right, `gaps` counts the empty columns before each row. Later steps append one token each.

    `own` are every layer's keys and values [rows, heads, room, width], `filled` the columns in use, and `positions`
    where each row's next token stands.
    """

    prefix: KeptPrefix
    own: list[Kept]
    gaps: list[int]
    positions: list[int]
    filled: int = 0

    @classmethod
    def begin(cls, prefix: KeptPrefix, count: int, room: int) -> Rows:
        own = [_room(layer, count, room) for layer in prefix.opened()]
        return cls(prefix, own, [0] * count, [prefix.position] * count)

    def only(self, chosen: Sequence[int]) -> Rows:
        """The chosen rows, on their own from here on; one that is chosen twice goes on as two."""
        own = [Kept(layer.keys[list(chosen)], layer.values[list(chosen)]) for layer in self.own]
        gaps, positions = [self.gaps[row] for row in chosen], [self.positions[row] for row in chosen]
        return replace(self, own=own, gaps=gaps, positions=positions)


class Advance:
    """New tokens for some rows, as `attention.Segment`: writes their keys and values behind what the rows hold.
    Nothing counts before `commit`, so a forward that failed can be made again. `folds`: how many heads share keys."""

    def __init__(
        self, rows: Rows, tokens: Sequence[Sequence[int]], attend: Attend, folds: int, device: torch.device
    ) -> None:
        self._rows, self._attend, self._prefix = rows, attend, rows.prefix.opened()
        self.lengths = [len(row) for row in tokens]
        width = max(self.lengths)
        self._end = rows.filled + width
        self._gaps = rows.gaps if rows.filled else [width - length for length in self.lengths]
        mask = _mask(self._gaps, rows.filled, self._end, device)
        folded = mask.repeat(1, 1, folds, 1) if width > 1 or any(self._gaps) else None
        self._layout = Layout(len(tokens), width, _places(self.lengths, width, device), mask, folded)
        self.ids = [token for row in tokens for token in row]
        self.positions = [
            first + step for first, length in zip(rows.positions, self.lengths, strict=True) for step in range(length)
        ]

    @property
    def tokens(self) -> int:
        return len(self.ids)

    def attend(self, layer: int, queries: Tensor, new: Kept, scale: float) -> Tensor:
        rows = self._rows
        for table, tokens in zip(rows.own[layer], new, strict=True):
            table[:, :, rows.filled : self._end] = self._layout.spread(tokens)
        own = Kept(*(table[:, :, : self._end] for table in rows.own[layer]))
        return self._attend(queries, self._prefix[layer], own, self._layout, scale)

    def commit(self) -> None:
        rows = self._rows
        rows.positions = [first + length for first, length in zip(rows.positions, self.lengths, strict=True)]
        rows.gaps, rows.filled = self._gaps, self._end


def _room(prefix: Kept, rows: int, tokens: int) -> Kept:
    _, heads, _, width = prefix.keys.shape
    return Kept(*(kept.new_empty(rows, heads, tokens, width) for kept in prefix))


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
