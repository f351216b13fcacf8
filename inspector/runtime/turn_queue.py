"""A queue whose callers take turns: what one caller adds too much of waits behind its own items only."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

Caller = TypeVar("Caller", bound=Hashable)
Item = TypeVar("Item")


class TurnQueue(Generic[Caller, Item]):
    """Items that wait, by caller. Not thread-safe.

    The caller with the fewest items taken and not ended is next; among equals, the one whose last turn is longest ago.
    """

    def __init__(self) -> None:
        self._waiting: dict[Caller, deque[Item]] = {}
        self._taken: Counter[Caller] = Counter()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, caller: Caller, item: Item) -> None:
        self._waiting.setdefault(caller, deque()).append(item)
        self._count += 1

    def take(self) -> tuple[Caller, Item]:
        """Return the next item and its caller, who has it in hand until `end`. Raises ValueError if none waits."""
        caller = min(self._waiting, key=self._taken.__getitem__)
        items = self._waiting.pop(caller)
        item = items.popleft()
        if items:
            self._waiting[caller] = items
        self._taken[caller] += 1
        self._count -= 1
        return caller, item

    def end(self, caller: Caller) -> None:
        """Note that an item of this caller, which was taken, is finished."""
        self._taken[caller] -= 1
        if self._taken[caller] <= 0:
            del self._taken[caller]
