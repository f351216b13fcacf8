"""One answer for all open tabs: each distinct question reaches the archive at most once per interval, and less
often when the archive needs long to answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

KEPT_QUESTIONS: Final = 64
REST: Final = 3.0  # a question that took a second is not asked again for three: the archive has others to serve


@dataclass(slots=True)
class _Asked(Generic[T]):
    """A question that is being answered or was; `until` is when its answer is too old."""

    answer: asyncio.Task[T]
    until: float = math.inf


class Shared(Generic[P, T]):
    """Wraps an async question with hashable arguments. An error is shared like an answer."""

    def __init__(
        self, ask: Callable[P, Awaitable[T]], keep_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._keep_s = keep_s
        self._clock = clock
        self._asked: dict[Hashable, _Asked[T]] = {}

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (args, tuple(sorted(kwargs.items())))
        asked = self._asked.get(key)
        if asked is None or self._clock() > asked.until:
            asked = self._remember(key, asyncio.ensure_future(self._answer(*args, **kwargs)))
        return await asyncio.shield(asked.answer)  # a tab that closes must not cancel the answer of the others

    async def _answer(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._ask(*args, **kwargs)

    def _remember(self, key: Hashable, answer: asyncio.Task[T]) -> _Asked[T]:
        asked, began = _Asked(answer), self._clock()

        def keep(_: asyncio.Task[T]) -> None:
            now = self._clock()
            asked.until = now + max(self._keep_s, REST * (now - began))

        answer.add_done_callback(keep)
        self._asked.pop(key, None)
        if len(self._asked) >= KEPT_QUESTIONS:
            del self._asked[next(iter(self._asked))]
        self._asked[key] = asked
        return asked
