"""Whether the model's server can be used now, as parts and test questions show it. Belongs to one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from inspector.domain.vote import StoppedBy
from inspector.errors import ModelError, ServerError
from inspector.ports.pool import Judgement

TEST_TIMEOUT_S: Final = 10.0  # for one test question; Ray gives a health check 30 s
RETEST_S: Final = 1.0  # between test questions while the server is away
SILENT_PARTS: Final = 3  # in a row that ended at their deadline without one answer: the server counts as silent


class ServerWatch:
    """`fault` says why the server can't be used, until it answers again. `test` asks it one question."""

    def __init__(self, test: Callable[[], Awaitable[None]]) -> None:
        self._test = test
        self._silent_parts = 0
        self._retesting: asyncio.Task[None] | None = None
        self.fault: str | None = None
        self.is_silent = False

    @property
    def silence(self) -> ServerError | None:
        """The fault of a server that gives no answers at all: a part would wait for it until its deadline."""
        return ServerError(self.fault) if self.fault and self.is_silent else None

    def note(self, judgement: Judgement) -> None:
        """Learn from a part."""
        if judgement.server_fault is not None:
            self._set_fault(judgement.detail)
        elif judgement.votes:
            self._clear()
        elif judgement.stopped_by is StoppedBy.DEADLINE:
            self._silent_parts += 1
            if self._silent_parts >= SILENT_PARTS:
                self._set_silent(f"the model's server answered nothing about {self._silent_parts} parts in a row")

    async def probe(self) -> None:
        """Ask the test question. A fault of the server is noted, and raises nothing."""
        try:
            async with asyncio.timeout(TEST_TIMEOUT_S):
                await self._test()
        except TimeoutError:
            self._set_silent(f"the model's server did not answer a test question within {TEST_TIMEOUT_S:g} s")
        except ModelError as error:
            self._set_fault(str(error))
        else:
            self._clear()

    def _clear(self) -> None:
        self.fault, self.is_silent, self._silent_parts = None, False, 0

    def _set_silent(self, words: str) -> None:
        self._set_fault(f"{words}; see whether it hangs or is overloaded")
        self.is_silent = True

    def _set_fault(self, words: str) -> None:
        self.fault, self.is_silent = words, False
        if self._retesting is None or self._retesting.done():
            self._retesting = asyncio.create_task(self._retest())

    async def _retest(self) -> None:
        while self.fault is not None:
            await asyncio.sleep(RETEST_S)
            await self.probe()
