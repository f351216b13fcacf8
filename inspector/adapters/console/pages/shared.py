"""Query results shared by all open tabs.

Each distinct query reaches the archive at most once per interval, and less often while the archive is slow.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MAX_CACHED_QUERIES: Final = 64
RELOAD_FACTOR: Final = 3.0  # a query that took 1 s runs again 3 s after its end at the earliest


@dataclass(slots=True)
class _CacheEntry(Generic[T]):
    """A running or finished query; its result is stale after `expires_at`."""

    answer: asyncio.Task[T]
    expires_at: float = math.inf


class SharedQuery(Generic[P, T]):
    """An async query with hashable arguments, and its cached results. Errors are shared like results."""

    def __init__(
        self, ask: Callable[P, Awaitable[T]], cache_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._cache_s = cache_s
        self._clock = clock
        self._entries: dict[Hashable, _CacheEntry[T]] = {}

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (args, tuple(sorted(kwargs.items())))
        entry = self._entries.get(key)
        if entry is None or self._clock() > entry.expires_at:
            entry = self._store(key, asyncio.ensure_future(self._answer(*args, **kwargs)))
        return await asyncio.shield(entry.answer)  # a closed tab must not cancel the query of the others

    async def _answer(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._ask(*args, **kwargs)

    def _store(self, key: Hashable, answer: asyncio.Task[T]) -> _CacheEntry[T]:
        entry, began = _CacheEntry(answer), self._clock()

        def set_expiry(_: asyncio.Task[T]) -> None:
            now = self._clock()
            entry.expires_at = now + max(self._cache_s, RELOAD_FACTOR * (now - began))

        answer.add_done_callback(set_expiry)
        self._entries.pop(key, None)
        if len(self._entries) >= MAX_CACHED_QUERIES:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = entry
        return entry
