"""Memory for keys and values in pages: tables in which several holders stand beside each other, so that one operation
attends for all of them. Holders of about the same room share a page. Knows tensors."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import torch
from torch import Tensor

ROOM_STEP: Final = 32  # tokens; a page's room is a multiple of it


class Shape(NamedTuple):
    """What keys and values of a model look like: so many `layers` of so many `groups` of heads that share them,
    each of this `width`."""

    layers: int
    groups: int
    width: int
    dtype: torch.dtype
    device: torch.device


@dataclass(slots=True, eq=False)
class Page:
    """`layers` are keys and values [2, places, groups, room, width]; `taken` says of each place whether somebody has
    it."""

    layers: Sequence[Tensor]
    room: int
    taken: list[bool]

    def run(self, count: int) -> int | None:
        """The first of so many free places beside each other; None where there are none."""
        firsts = range(len(self.taken) - count + 1)
        return next((first for first in firsts if not any(self.taken[first : first + count])), None)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Places:
    """Some places of a page, beside each other, until nobody holds this any more. What they hold at first is anything,
    not a number included."""

    pages: Pages
    page: Page
    first: int
    count: int

    def layer(self, number: int) -> Tensor:
        """Keys and values [2, places, groups, room, width]."""
        return self.page.layers[number][:, self.first : self.first + self.count]

    def others(self, count: int) -> Places:
        """So many other places of the same room."""
        return self.pages.take(count, self.page.room)


@dataclass(slots=True, eq=False)
class Pages:
    """All pages of one model, of so many `places` each or as many as one holder needs. One thread takes; places come
    free in any thread."""

    shape: Shape
    places: int
    _pages: list[Page] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)  # collecting garbage frees places at any moment

    def take(self, count: int, room: int) -> Places:
        """So many places beside each other, for so many tokens each. Raises what torch raises when memory is out."""
        room = -(-room // ROOM_STEP) * ROOM_STEP
        with self._lock:
            page, first = self._found(count, room) or (self._added(count, room), 0)
            page.taken[first : first + count] = [True] * count
        places = Places(self, page, first, count)
        weakref.finalize(places, self._release, page, first, count).atexit = False
        return places

    def _found(self, count: int, room: int) -> tuple[Page, int] | None:
        runs = ((page, page.run(count)) for page in self._pages if page.room == room)
        return next(((page, first) for page, first in runs if first is not None), None)

    def _added(self, count: int, room: int) -> Page:
        """A new page, in place of those that nobody uses: whose memory comes free first. One is kept for who comes
        next, because memory that is fetched anew costs time."""
        self._pages = [page for page in self._pages if any(page.taken)]
        shape, places = self.shape, max(count, self.places)
        size = (2, places, shape.groups, room, shape.width)
        with torch.inference_mode(False):  # rows are chosen outside of it, and those can't be written to there
            layers = [torch.empty(size, dtype=shape.dtype, device=shape.device) for _ in range(shape.layers)]
        page = Page(layers, room, [False] * places)
        self._pages.append(page)
        return page

    def _release(self, page: Page, first: int, count: int) -> None:
        with self._lock:
            page.taken[first : first + count] = [False] * count
            if not any(page.taken) and any(other.room == page.room for other in self._pages if other is not page):
                with suppress(ValueError):  # it was replaced meanwhile
                    self._pages.remove(page)
