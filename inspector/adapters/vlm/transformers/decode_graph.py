"""The next token of many rows in a form that recurs: whole pages, cells in powers of two, few numbers of tokens.

All that differs between two steps of one form are numbers in one tensor, so a step that was captured once can be
replayed for others. Knows tensors only.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor

from inspector.adapters.vlm.transformers.batched_decode import KVSlot, prefix_slot, row_slot
from inspector.adapters.vlm.transformers.kv_cache import SequenceRows
from inspector.adapters.vlm.transformers.kv_pages import KVPage, living_page
from inspector.adapters.vlm.transformers.shared_prefix_attention import (
    PartialAttention,
    additive_mask,
    merge_partials,
    partial_attention,
)

TOKEN_COUNTS: Final = (8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256)  # of a captured step
NUMBERS_PER_SLOT: Final = 3  # the slot, and the first and the end column that its tokens see
NUMBERS_PER_TOKEN: Final = 4  # token id, position, its cell among prefixes, its cell among rows


class PageGrid(NamedTuple):
    """A page with `cells` for the tokens that read each of its `slots`. It does not keep the page alive."""

    page: weakref.ref[KVPage]
    slots: int
    cells: int

    @property
    def sizes(self) -> list[int]:
        return [self.slots * self.cells, *[self.slots] * NUMBERS_PER_SLOT]


class DecodeForm(NamedTuple):
    """What steps that share a capture have in common: the number of tokens, the pages of prefixes and those of rows."""

    tokens: int
    prefixes: tuple[PageGrid, ...]
    own: tuple[PageGrid, ...]

    @property
    def sizes(self) -> list[int]:
        """Return how many numbers there are of each kind."""
        grids = [size for grid in (*self.prefixes, *self.own) for size in grid.sizes]
        return [*[self.tokens] * NUMBERS_PER_TOKEN, *grids]


class DecodeGraphStep:
    """One token for every row: its `form` and its `inputs`. Nothing is kept before `commit`."""

    def __init__(self, batch: Sequence[tuple[SequenceRows, Sequence[Sequence[int]]]]) -> None:
        self._rows = [rows for rows, _ in batch]
        for rows in self._rows:
            rows.prefix.check_open()
        every = [(rows, row) for rows in self._rows for row in range(len(rows.gaps))]
        ids = [token for _, tokens in batch for (token,) in tokens]
        positions = [position for rows in self._rows for position in rows.positions]
        prefixes = GridNumbers([prefix_slot(token, rows.prefix) for token, (rows, _) in enumerate(every)])
        own = GridNumbers([row_slot(token, rows, row) for token, (rows, row) in enumerate(every)])
        self.rows = len(ids)
        tokens = next(count for count in TOKEN_COUNTS if count >= self.rows)
        self.form = DecodeForm(tokens, tuple(prefixes.grids), tuple(own.grids))
        filled = [
            number
            for each in (ids, positions, prefixes.cells, own.cells)
            for number in (*each, *[0] * (tokens - self.rows))
        ]
        self.inputs = (torch.tensor([*filled, *prefixes.numbers, *own.numbers]),)

    def commit(self) -> None:
        for rows in self._rows:
            rows.positions = [position + 1 for position in rows.positions]
            rows.filled += 1


class GridNumbers:
    """Which tokens read which slots of which pages, as `numbers` for `grids`.

    `cells` gives the cell of each token among those of all grids. Slots and cells without a token repeat another's.
    """

    def __init__(self, slots: Sequence[tuple[KVPage, KVSlot]]) -> None:
        paged: dict[KVPage, dict[int, list[KVSlot]]] = defaultdict(lambda: defaultdict(list))
        for page, slot in slots:
            paged[page][slot.place].append(slot)
        self.grids: list[PageGrid] = []
        self.numbers: list[int] = []
        self.cells = [0] * len(slots)
        first = 0
        for page in sorted(paged, key=id):  # the same pages always come in the same order
            grid = self._add(page, paged[page], first)
            first += grid.slots * grid.cells

    def _add(self, page: KVPage, held: dict[int, list[KVSlot]], first: int) -> PageGrid:
        cells = 1 << (max(map(len, held.values())) - 1).bit_length()
        grid = PageGrid(weakref.ref(page), len(page.taken), cells)
        any_held = next(iter(held.values()))
        rows = [held.get(place, any_held) for place in range(grid.slots)]
        for row in rows:
            self.numbers += [*(slot.token for slot in row), *[row[0].token] * (cells - len(row))]
        for place, row in held.items():
            for column, slot in enumerate(row):
                self.cells[slot.token] = first + place * cells + column
        for each in ([row[0].place for row in rows], [row[0].first for row in rows], [row[0].end for row in rows]):
            self.numbers += each
        self.grids.append(grid)
        return grid


class DecodeGraphSegment:
    """A step of this form with these numbers (a Segment).

    Tokens that fill it up see what another token sees, and leave nothing behind.
    """

    def __init__(self, form: DecodeForm, numbers: Tensor) -> None:
        pieces = iter(torch.split(numbers, form.sizes))
        self.tokens = form.tokens
        self.ends = range(form.tokens)
        self.ids, self.positions, prefix_cells, own_cells = (next(pieces) for _ in range(NUMBERS_PER_TOKEN))
        self._prefixes = GridTables(form.prefixes, pieces, prefix_cells)
        self._own = GridTables(form.own, pieces, own_cells)

    def attend(self, layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
        self._own.write(layer, new)
        return merge_partials(*(tables.attend(layer, queries, scale) for tables in (self._prefixes, self._own)))


class GridTables:
    """All grids of one kind, and the cell among all of them that holds each token's result."""

    def __init__(self, grids: Sequence[PageGrid], pieces: Iterator[Tensor], cells: Tensor) -> None:
        self._each = [GridTable(grid, pieces) for grid in grids]
        self._cells = cells

    def write(self, layer: int, new: Tensor) -> None:
        for table in self._each:
            table.write(layer, new)

    def attend(self, layer: int, queries: Tensor, scale: float) -> PartialAttention:
        found = [table.attend(layer, queries, scale) for table in self._each]
        return PartialAttention(*(torch.cat(pieces)[self._cells] for pieces in zip(*found, strict=True)))


class GridTable:
    """One grid with its numbers."""

    def __init__(self, grid: PageGrid, pieces: Iterator[Tensor]) -> None:
        page = living_page(grid.page)
        self._layers, self._slots = page.layers, grid.slots
        self._tokens, self._places, firsts, ends = (next(pieces) for _ in range(1 + NUMBERS_PER_SLOT))
        self._lasts, columns = ends - 1, torch.arange(page.room, device=ends.device)
        seen = (columns >= firsts[:, None]) & (columns < ends[:, None])
        self._mask = additive_mask(seen, page.layers[0].dtype)[:, None, None]

    def write(self, layer: int, new: Tensor) -> None:
        """Write new keys and values [tokens, 2, groups, width] into the last column that each slot's token sees."""
        self._layers[layer][:, self._places, :, self._lasts] = new[self._tokens]

    def attend(self, layer: int, queries: Tensor, scale: float) -> PartialAttention:
        """Attend from each cell; return output [cells, folds, groups, width] and log sums [cells, folds, groups]."""
        cells = queries[self._tokens]
        asked = cells.reshape(self._slots, -1, *cells.shape[2:])
        found = partial_attention(asked, self._layers[layer], scale, self._mask)
        return PartialAttention(*(each.reshape(cells.shape[: each.dim()]) for each in found))
