"""Sums over tables that grow for years, kept up to date without walking through them again and again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Final, Generic, TypeVar

from inspector.errors import LedgerError
from inspector.ports.metrics import Key, RowSums, Value

log = logging.getLogger(__name__)

Found = TypeVar("Found")
Number = int

SETTLED_S: Final = 30.0  # rows are numbered before they are committed: several stations commit out of order
REST_S: Final = 60.0
RESTS: Final = 30  # looking may take this share of the time


class GrowingSum(Generic[Key, Value]):
    """What `count` counted of a whole table. Rows that were there SETTLED_S ago are counted for good."""

    def __init__(
        self, count: Callable[[Number, Number], RowSums[Key, Value]], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._count: Callable[[Number, Number], RowSums[Key, Value]] = count
        self._clock_s = clock_s
        self._settled: dict[Key, Value] = {}
        self._until = 0
        self._mark = 0
        self._marked_s = 0.0

    def read(self) -> dict[Key, Value]:
        """Raises what `count` raises, and then knows what it knew before."""
        now_s = self._clock_s()
        due = now_s - self._marked_s >= SETTLED_S
        until = self._mark if due else self._until
        stretch = self._count(self._until, until)
        self._settled, self._until = _added(self._settled, stretch.earlier), until
        if due:
            self._mark, self._marked_s = stretch.newest, now_s
        return _added(self._settled, stretch.later)


class Seldom(Generic[Found]):
    """What is dear to find out: found out in a thread of its own, which then rests RESTS times as long."""

    def __init__(self, find: Callable[[], Found]) -> None:
        self._find = find
        self._last: Found | None = None
        self._due_s = 0.0
        self._looking = False

    def last(self) -> Found | None:
        """What was found last; None before the first time. Begins to look again where that is due."""
        last = self._last
        if not self._looking and time.monotonic() >= self._due_s:
            self._looking = True
            Thread(target=self._look, name="seldom", daemon=True).start()
        return last

    def _look(self) -> None:
        began_s = time.monotonic()
        try:
            self._last = self._find()
        except LedgerError as error:
            log.warning("the books can't be looked at: %s", error)
        finally:
            now_s = time.monotonic()
            self._due_s = now_s + max(REST_S, RESTS * (now_s - began_s))
            self._looking = False


def _added(one: Mapping[Key, Value], other: Mapping[Key, Value]) -> dict[Key, Value]:
    return {**one, **{key: one[key] + value if key in one else value for key, value in other.items()}}
