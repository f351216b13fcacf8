"""Sums over tables that grow for years, kept up to date without scanning them again."""

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

SETTLED_S: Final = 30.0  # rows are numbered before their commit, so stations commit out of order
REST_S: Final = 60.0
REST_FACTOR: Final = 30  # rest after a computation, in multiples of its duration


class GrowingSum(Generic[Key, Value]):
    """The sums of a table, counted by `count`. Rows older than SETTLED_S are counted once and for all."""

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
        """Return the current sums. Raises what `count` raises; the sums then stay as they were."""
        now_s = self._clock_s()
        due = now_s - self._marked_s >= SETTLED_S
        until = self._mark if due else self._until
        stretch = self._count(self._until, until)
        self._settled, self._until = _added(self._settled, stretch.earlier), until
        if due:
            self._mark, self._marked_s = stretch.newest, now_s
        return _added(self._settled, stretch.later)


class BackgroundValue(Generic[Found]):
    """A value that is expensive to compute: a thread of its own computes it, then rests REST_FACTOR times as long."""

    def __init__(self, find: Callable[[], Found]) -> None:
        self._find = find
        self._last: Found | None = None
        self._due_s = 0.0
        self._looking = False

    def last(self) -> Found | None:
        """Return the last value; None before the first one. Starts the next computation if it is due."""
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
            self._due_s = now_s + max(REST_S, REST_FACTOR * (now_s - began_s))
            self._looking = False


def _added(one: Mapping[Key, Value], other: Mapping[Key, Value]) -> dict[Key, Value]:
    return {**one, **{key: one[key] + value if key in one else value for key, value in other.items()}}
