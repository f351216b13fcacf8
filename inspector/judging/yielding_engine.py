"""Work that can wait, in a replica that judges frames of lines: it asks the model only while no frame is judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager

from inspector.domain.prompts import Question
from inspector.domain.report import JsonSchema
from inspector.ports.engine import Answer, Engine, GeneratedText, PatchMap, Picture, Prefix


class LiveParts:
    """The parts of lines that one replica judges now."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def part(self) -> Iterator[None]:
        """Count one more part, until its judgement is known."""
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def wait_for_none(self) -> None:
        while self._count:
            await self._none.wait()


class YieldingEngine:
    """`ports.Engine` for one part that can wait: each call first waits until no part of a line is judged.

    A frame that comes meanwhile waits for one call at most, not for the part. `waited_s` is the time spent waiting.
    """

    def __init__(self, engine: Engine, live: LiveParts) -> None:
        self._engine = engine
        self._live = live
        self.waited_s = 0.0

    @property
    def fingerprint(self) -> str:
        return self._engine.fingerprint

    async def open(self, pictures: Sequence[Picture], preamble: str) -> Prefix:
        await self._wait()
        return await self._engine.open(pictures, preamble)

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        await self._wait()
        async with aclosing(self._engine.ask(prefix, questions)) as answers:
            async for answer in answers:
                yield answer

    async def write(
        self,
        prefix: Prefix,
        request: str,
        *,
        start: str,
        max_tokens: int,
        schema: JsonSchema | None = None,
        urgent: bool = False,  # noqa: ARG002 - no frame waits for this text
    ) -> GeneratedText:
        await self._wait()
        return await self._engine.write(prefix, request, start=start, max_tokens=max_tokens, schema=schema)

    async def features(self, prefix: Prefix) -> PatchMap:
        await self._wait()
        return await self._engine.features(prefix)

    async def close(self, prefix: Prefix) -> None:
        await self._engine.close(prefix)

    async def _wait(self) -> None:
        began_s = time.monotonic()
        await self._live.wait_for_none()
        self.waited_s += time.monotonic() - began_s
