"""One answer for all open tabs: each distinct question reaches the archive at most once per interval."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

KEPT_QUESTIONS: Final = 64


class _Asked(NamedTuple, Generic[T]):
    at: float
    answer: asyncio.Task[T]


class Shared(Generic[P, T]):
    """Wraps an async question with hashable arguments. An error is shared like an answer."""

    def __init__(self, ask: Callable[P, Awaitable[T]], keep_s: float) -> None:
        self._ask = ask
        self._keep_s = keep_s
        self._asked: dict[Hashable, _Asked[T]] = {}

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (args, tuple(sorted(kwargs.items())))
        asked = self._asked.get(key)
        if asked is None or (asked.answer.done() and time.monotonic() - asked.at > self._keep_s):
            asked = self._remember(key, asyncio.ensure_future(self._answer(*args, **kwargs)))
        return await asyncio.shield(asked.answer)  # a tab that closes must not cancel the answer of the others

    async def _answer(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._ask(*args, **kwargs)

    def _remember(self, key: Hashable, answer: asyncio.Task[T]) -> _Asked[T]:
        self._asked.pop(key, None)
        if len(self._asked) >= KEPT_QUESTIONS:
            del self._asked[next(iter(self._asked))]
        self._asked[key] = _Asked(time.monotonic(), answer)
        return self._asked[key]
