"""One attention for the next token of many rows of many parts.

One operation covers the prefixes that lie next to each other in a page, one the tokens that their rows have read since.
Knows tensors only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor

from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, SequenceRows
from inspector.adapters.vlm.transformers.kv_pages import KVPage, PageSlots
from inspector.adapters.vlm.transformers.shared_prefix_attention import (
    PartialAttention,
    additive_mask,
    merge_partials,
    partial_attention,
)

MAX_SKIPPED_SLOTS: Final = 1  # slots of others that are computed in vain rather than split a table


class KVSlot(NamedTuple):
    """Where the keys of a packed token lie: a slot of a page, of which the token sees columns `first` to `end`."""

    token: int
    place: int
    first: int
    end: int


class BlockTable:
    """Packed tokens in a table of a page's slots × the most tokens of any slot.

    Slots in between that belong to others, and unused cells, are computed too and never read.
    """

    def __init__(self, page: KVPage, slots: Sequence[KVSlot], device: torch.device) -> None:
        held: dict[int, list[KVSlot]] = defaultdict(list)
        for slot in slots:
            held[slot.place].append(slot)
        low, high, most = min(held), max(held) + 1, max(map(len, held.values()))
        rows = [held.get(place, [slots[0]]) for place in range(low, high)]
        cells = [[slot.token for slot in row] + [row[0].token] * (most - len(row)) for row in rows]
        where = {s.token: (s.place - low) * most + column for row in held.values() for column, s in enumerate(row)}
        self.tokens = [slot.token for slot in slots]
        self._layers, self._places = page.layers, slice(low, high)
        self._width = max(slot.end for slot in slots)
        self._cells = _picked([token for row in cells for token in row], device)
        self._back = _picked([where[token] for token in self.tokens], device)
        self._slots, self._device = slots, device
        self._hidden = _hidden([row[0] for row in rows], self._width, page.layers[0])

    def write(self, layer: int, new: Tensor) -> None:
        """Write new keys and values [tokens, 2, groups, width] into the last column that each token sees."""
        asking, places, lasts = self._written
        self._layers[layer][:, places, :, lasts] = new[asking]

    @cached_property
    def _written(self) -> tuple[slice | Tensor, Tensor, Tensor]:
        """Return which tokens are written, to which slots and columns. Prefixes are never written."""
        places = torch.tensor([slot.place for slot in self._slots], device=self._device)
        lasts = torch.tensor([slot.end - 1 for slot in self._slots], device=self._device)
        return _picked(self.tokens, self._device), places, lasts

    def attend(self, layer: int, queries: Tensor, scale: float) -> PartialAttention:
        """Attend with queries [tokens, folds, groups, width] for this table's `tokens`; return output and log sums."""
        kept = self._layers[layer][:, self._places, :, : self._width]
        cells = queries[self._cells]
        found = partial_attention(cells.reshape(kept.shape[1], -1, *cells.shape[2:]), kept, scale, self._hidden)
        return PartialAttention(*(each.reshape(cells.shape[: each.dim()])[self._back] for each in found))


class BlockTables:
    """The block tables of all pages for the same packed tokens."""

    def __init__(self, slots: Iterable[tuple[KVPage, KVSlot]], device: torch.device) -> None:
        paged: dict[KVPage, list[KVSlot]] = defaultdict(list)
        for page, slot in slots:
            paged[page].append(slot)
        self.each = [BlockTable(page, run, device) for page, taken_slots in paged.items() for run in _runs(taken_slots)]
        order = [token for table in self.each for token in table.tokens]
        self._order = _picked(sorted(range(len(order)), key=order.__getitem__), device)

    def attend(self, layer: int, queries: Tensor, scale: float) -> PartialAttention:
        """Attend with queries [tokens, folds, groups, width]; return output and log sums [tokens, folds, groups]."""
        found = [table.attend(layer, queries, scale) for table in self.each]
        if len(found) == 1:
            return found[0]
        return PartialAttention(*(torch.cat(pieces)[self._order] for pieces in zip(*found, strict=True)))


class BatchedDecode:
    """One token for every row (a Segment). All rows and prefixes have slots in pages.

    Nothing is kept before `commit`.
    """

    def __init__(self, batch: Sequence[tuple[SequenceRows, Sequence[Sequence[int]]]], device: torch.device) -> None:
        self._rows = [rows for rows, _ in batch]
        for rows in self._rows:
            rows.prefix.check_open()
        self.ids = [token for _, tokens in batch for (token,) in tokens]
        self.positions = [position for rows in self._rows for position in rows.positions]
        self.ends = range(len(self.ids))
        every = [(rows, row) for rows in self._rows for row in range(len(rows.gaps))]
        self._prefixes = BlockTables((prefix_slot(token, rows.prefix) for token, (rows, _) in enumerate(every)), device)
        self._own = BlockTables((row_slot(token, rows, row) for token, (rows, row) in enumerate(every)), device)

    @property
    def tokens(self) -> int:
        return len(self.ids)

    def attend(self, layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
        for table in self._own.each:
            table.write(layer, new)
        return merge_partials(*(tables.attend(layer, queries, scale) for tables in (self._prefixes, self._own)))

    def commit(self) -> None:
        for rows in self._rows:
            rows.positions = [position + 1 for position in rows.positions]
            rows.filled += 1


def can_join(rows: SequenceRows, tokens: Sequence[Sequence[int]]) -> bool:
    """Return whether the rows can join others in one BatchedDecode."""
    taken_slots = rows.places is not None and rows.prefix.places is not None
    return taken_slots and rows.filled > 0 and all(len(each) == 1 for each in tokens)


def prefix_slot(token: int, prefix: KeptPrefix) -> tuple[KVPage, KVSlot]:
    places = _seated(prefix.places)
    return places.page, KVSlot(token, places.first, 0, prefix.tokens)


def row_slot(token: int, rows: SequenceRows, row: int) -> tuple[KVPage, KVSlot]:
    places = _seated(rows.places)
    return places.page, KVSlot(token, places.first + row, rows.gaps[row], rows.filled + 1)


def _seated(places: PageSlots | None) -> PageSlots:
    if places is None:
        raise ValueError("rows without places in pages can't be read together")
    return places


def _runs(slots: Sequence[KVSlot]) -> list[list[KVSlot]]:
    """Group slots that lie next to each other, each group in the order of its tokens."""
    placed = sorted(slots, key=lambda slot: slot.place)
    cuts = [
        number
        for number, (one, next_) in enumerate(pairwise(placed), 1)
        if next_.place - one.place > MAX_SKIPPED_SLOTS + 1
    ]
    return [sorted(placed[first:end]) for first, end in pairwise([0, *cuts, len(placed)])]


def _picked(numbers: Sequence[int], device: torch.device) -> slice | Tensor:
    """Return an index for these numbers; consecutive ones become a slice, which needs no copy."""
    span = range(numbers[0], numbers[0] + len(numbers))
    return slice(span.start, span.stop) if [*numbers] == [*span] else torch.tensor(numbers, device=device)


def _hidden(slots: Sequence[KVSlot], width: int, like: Tensor) -> Tensor | None:
    """Return the mask [slots, 1, 1, width] for scores of the type of `like`; None if it hides nothing."""
    if all((slot.first, slot.end) == (0, width) for slot in slots):
        return None
    columns = torch.arange(width, device=like.device)
    firsts, ends = (torch.tensor(each, device=like.device)[:, None] for each in list(zip(*slots, strict=True))[2:])
    return additive_mask((columns >= firsts) & (columns < ends), like.dtype)[:, None, None]
