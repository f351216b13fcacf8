"""Memory for keys and values in pages: tables in which several holders lie next to each other.

One operation then attends for all of them. Holders that need about the same room share a page. Knows tensors only.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import torch
from torch import Tensor

ROOM_STEP_TOKENS: Final = 32  # a page's room is a multiple of it


class KVShape(NamedTuple):
    """The shape of a model's keys and values: `layers`, `groups` of heads that share them, head `width`."""

    layers: int
    groups: int
    width: int
    dtype: torch.dtype
    device: torch.device


@dataclass(slots=True, eq=False, weakref_slot=True)
class KVPage:
    """`layers` are keys and values [2, slots, groups, room, width]; `taken` says which slots are in use."""

    layers: Sequence[Tensor]
    room: int
    taken: list[bool]

    def run(self, count: int) -> int | None:
        """Return the first of `count` free adjacent slots; None if there are none."""
        firsts = range(len(self.taken) - count + 1)
        return next((first for first in firsts if not any(self.taken[first : first + count])), None)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class PageSlots:
    """Adjacent slots of a page, freed when nothing refers to this object any more.

    Their initial content is arbitrary, and may contain NaN.
    """

    pages: KVPages
    page: KVPage
    first: int
    count: int

    def layer(self, number: int) -> Tensor:
        """Return keys and values [2, slots, groups, room, width] of one layer."""
        return self.page.layers[number][:, self.first : self.first + self.count]

    def others(self, count: int) -> PageSlots:
        """Take `count` other slots of the same room."""
        return self.pages.take(count, self.page.room)


@dataclass(slots=True, eq=False)
class KVPages:
    """All pages of one model, with `places` slots each, or as many as one holder needs.

    One thread takes slots; any thread may free them.
    """

    shape: KVShape
    places: int
    _pages: list[KVPage] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)  # garbage collection frees slots at any moment

    def take(self, count: int, room: int) -> PageSlots:
        """Take `count` adjacent slots for `room` tokens each. Raises torch's error when memory runs out."""
        room = -(-room // ROOM_STEP_TOKENS) * ROOM_STEP_TOKENS
        with self._lock:
            page, first = self._found(count, room) or (self._added(count, room), 0)
            page.taken[first : first + count] = [True] * count
        places = PageSlots(self, page, first, count)
        weakref.finalize(places, self._release, page, first, count).atexit = False
        return places

    def _found(self, count: int, room: int) -> tuple[KVPage, int] | None:
        runs = ((page, page.run(count)) for page in self._pages if page.room == room)
        return next(((page, first) for page, first in runs if first is not None), None)

    def _added(self, count: int, room: int) -> KVPage:
        """Add a page in place of unused ones, whose memory is freed first.

        One unused page is kept for the next holder, because newly allocated memory costs time.
        """
        self._pages = [page for page in self._pages if any(page.taken)]
        shape, places = self.shape, max(count, self.places)
        size = (2, places, shape.groups, room, shape.width)
        with torch.inference_mode(
            False
        ):  # rows are chosen outside inference mode, where inference tensors can't be written
            layers = [torch.empty(size, dtype=shape.dtype, device=shape.device) for _ in range(shape.layers)]
        page = KVPage(layers, room, [False] * places)
        self._pages.append(page)
        return page

    def _release(self, page: KVPage, first: int, count: int) -> None:
        with self._lock:
            page.taken[first : first + count] = [False] * count
            if not any(page.taken) and any(other.room == page.room for other in self._pages if other is not page):
                with suppress(ValueError):  # the page was replaced meanwhile
                    self._pages.remove(page)


def living_page(page: weakref.ref[KVPage]) -> KVPage:
    """Return the page of a holder that still has slots in it."""
    found = page()
    if found is None:
        raise ValueError("the page is gone, and with it everyone who had slots in it")
    return found
