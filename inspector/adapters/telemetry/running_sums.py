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

Result = TypeVar("Result")
Number = int

COMMIT_MARGIN_S: Final = 30.0  # rows are numbered before their commit, so stations commit out of order
MIN_PAUSE_S: Final = 60.0
PAUSE_FACTOR: Final = 30  # rest after a computation, in multiples of its duration


class GrowingSum(Generic[Key, Value]):
    """The sums of a table, counted by `count`. Rows older than COMMIT_MARGIN_S are counted once and for all."""

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
        due = now_s - self._marked_s >= COMMIT_MARGIN_S
        until = self._mark if due else self._until
        stretch = self._count(self._until, until)
        self._settled, self._until = _added(self._settled, stretch.earlier), until
        if due:
            self._mark, self._marked_s = stretch.newest, now_s
        return _added(self._settled, stretch.later)


class BackgroundValue(Generic[Result]):
    """A value that is expensive to compute: a thread of its own computes it, then rests PAUSE_FACTOR times as long."""

    def __init__(self, find: Callable[[], Result]) -> None:
        self._find = find
        self._last: Result | None = None
        self._due_s = 0.0
        self._computing = False

    def last(self) -> Result | None:
        """Return the last value; None before the first one. Starts the next computation if it is due."""
        last = self._last
        if not self._computing and time.monotonic() >= self._due_s:
            self._computing = True
            Thread(target=self._compute, name="balances", daemon=True).start()
        return last

    def _compute(self) -> None:
        began_s = time.monotonic()
        try:
            self._last = self._find()
        except LedgerError as error:
            log.warning("the ledger's balances can't be read: %s", error)
        finally:
            now_s = time.monotonic()
            self._due_s = now_s + max(MIN_PAUSE_S, PAUSE_FACTOR * (now_s - began_s))
            self._computing = False


def _added(one: Mapping[Key, Value], other: Mapping[Key, Value]) -> dict[Key, Value]:
    return {**one, **{key: one[key] + value if key in one else value for key, value in other.items()}}
