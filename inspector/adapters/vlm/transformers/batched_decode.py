"""The next token of many rows of many parts in one attention: one operation over the prefixes that stand beside each
other in a page, and one over what their rows have read since. Knows tensors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor

from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, Rows
from inspector.adapters.vlm.transformers.kv_pages import Page, Places
from inspector.adapters.vlm.transformers.shared_prefix_attention import Partial, merged, partial

MOST_SKIPPED: Final = 1  # places of others in a row that are worked out in vain rather than split a table


class Seat(NamedTuple):
    """Where the keys of a packed token stand: a place of a page, of which it sees the columns from `first` to `end`."""

    token: int
    place: int
    first: int
    end: int


class Table:
    """Packed tokens in a table of a page's places × as many of them as any place has. Places between them that others
    have, and cells that nobody has, are worked out too, and never read."""

    def __init__(self, page: Page, seats: Sequence[Seat], device: torch.device) -> None:
        held: dict[int, list[Seat]] = defaultdict(list)
        for seat in seats:
            held[seat.place].append(seat)
        low, high, most = min(held), max(held) + 1, max(map(len, held.values()))
        rows = [held.get(place, [seats[0]]) for place in range(low, high)]
        cells = [[seat.token for seat in row] + [row[0].token] * (most - len(row)) for row in rows]
        where = {s.token: (s.place - low) * most + column for row in held.values() for column, s in enumerate(row)}
        self.tokens = [seat.token for seat in seats]
        self._layers, self._places = page.layers, slice(low, high)
        self._width = max(seat.end for seat in seats)
        self._cells = _picked([token for row in cells for token in row], device)
        self._back = _picked([where[token] for token in self.tokens], device)
        self._seats, self._device = seats, device
        self._hidden = _hidden([row[0] for row in rows], self._width, device)

    def write(self, layer: int, new: Tensor) -> None:
        """Puts new keys and values [tokens, 2, groups, width] into the last column that each token sees."""
        asking, places, lasts = self._written
        self._layers[layer][:, places, :, lasts] = new[asking]

    @cached_property
    def _written(self) -> tuple[slice | Tensor, Tensor, Tensor]:
        """Which tokens, into which places and columns; prefixes are never written to."""
        places = torch.tensor([seat.place for seat in self._seats], device=self._device)
        lasts = torch.tensor([seat.end - 1 for seat in self._seats], device=self._device)
        return _picked(self.tokens, self._device), places, lasts

    def attend(self, layer: int, queries: Tensor, scale: float) -> Partial:
        """What queries [tokens, folds, groups, width] find for this table's `tokens`, shaped as they are, and sums."""
        kept = self._layers[layer][:, self._places, :, : self._width]
        cells = queries[self._cells]
        found = partial(cells.reshape(kept.shape[1], -1, *cells.shape[2:]), kept, scale, self._hidden)
        return Partial(*(each.reshape(cells.shape[: each.dim()])[self._back] for each in found))


class Tables:
    """Those of all pages, for the same packed tokens."""

    def __init__(self, seats: Iterable[tuple[Page, Seat]], device: torch.device) -> None:
        paged: dict[Page, list[Seat]] = defaultdict(list)
        for page, seat in seats:
            paged[page].append(seat)
        self.each = [Table(page, run, device) for page, seated in paged.items() for run in _runs(seated)]
        order = [token for table in self.each for token in table.tokens]
        self._order = _picked(sorted(range(len(order)), key=order.__getitem__), device)

    def attend(self, layer: int, queries: Tensor, scale: float) -> Partial:
        """What queries [tokens, folds, groups, width] find, and sums [tokens, folds, groups]."""
        found = [table.attend(layer, queries, scale) for table in self.each]
        if len(found) == 1:
            return found[0]
        return Partial(*(torch.cat(pieces)[self._order] for pieces in zip(*found, strict=True)))


class Together:
    """One token for every row, as `attention.Segment`; all of them, and their prefixes, have places in pages. Nothing
    counts before `commit`."""

    def __init__(self, batch: Sequence[tuple[Rows, Sequence[Sequence[int]]]], device: torch.device) -> None:
        self._rows = [rows for rows, _ in batch]
        for rows in self._rows:
            rows.prefix.check_open()
        self.ids = [token for _, tokens in batch for (token,) in tokens]
        self.positions = [position for rows in self._rows for position in rows.positions]
        self.ends = range(len(self.ids))
        every = [(rows, row) for rows in self._rows for row in range(len(rows.gaps))]
        self._prefixes = Tables((_shown(token, rows.prefix) for token, (rows, _) in enumerate(every)), device)
        self._own = Tables((_read(token, rows, row) for token, (rows, row) in enumerate(every)), device)

    @property
    def tokens(self) -> int:
        return len(self.ids)

    def attend(self, layer: int, queries: Tensor, new: Tensor, scale: float) -> Tensor:
        for table in self._own.each:
            table.write(layer, new)
        return merged(*(tables.attend(layer, queries, scale) for tables in (self._prefixes, self._own)))

    def commit(self) -> None:
        for rows in self._rows:
            rows.positions = [position + 1 for position in rows.positions]
            rows.filled += 1


def can_join(rows: Rows, tokens: Sequence[Sequence[int]]) -> bool:
    """Whether the rows can be among others in one `Together`."""
    seated = rows.places is not None and rows.prefix.places is not None
    return seated and rows.filled > 0 and all(len(each) == 1 for each in tokens)


def _shown(token: int, prefix: KeptPrefix) -> tuple[Page, Seat]:
    places = _seated(prefix.places)
    return places.page, Seat(token, places.first, 0, prefix.tokens)


def _read(token: int, rows: Rows, row: int) -> tuple[Page, Seat]:
    places = _seated(rows.places)
    return places.page, Seat(token, places.first + row, rows.gaps[row], rows.filled + 1)


def _seated(places: Places | None) -> Places:
    if places is None:
        raise ValueError("rows without places in pages can't be read together")
    return places


def _runs(seats: Sequence[Seat]) -> list[list[Seat]]:
    """Those whose places stand beside each other, each in the order of tokens."""
    placed = sorted(seats, key=lambda seat: seat.place)
    cuts = [
        number for number, (one, next_) in enumerate(pairwise(placed), 1) if next_.place - one.place > MOST_SKIPPED + 1
    ]
    return [sorted(placed[first:end]) for first, end in pairwise([0, *cuts, len(placed)])]


def _picked(numbers: Sequence[int], device: torch.device) -> slice | Tensor:
    """An index for these; what stands in order need not be copied."""
    span = range(numbers[0], numbers[0] + len(numbers))
    return slice(span.start, span.stop) if [*numbers] == [*span] else torch.tensor(numbers, device=device)


def _hidden(seats: Sequence[Seat], width: int, device: torch.device) -> Tensor | None:
    """[places, 1, 1, width], added to scores; None where it hides nothing."""
    if all((seat.first, seat.end) == (0, width) for seat in seats):
        return None
    columns = torch.arange(width, device=device)
    firsts, ends = (torch.tensor(each, device=device)[:, None] for each in list(zip(*seats, strict=True))[2:])
    seen = (columns >= firsts) & (columns < ends)
    return torch.zeros(seen.shape, device=device).masked_fill_(~seen, -torch.inf)[:, None, None]
