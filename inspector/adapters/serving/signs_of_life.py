"""Signs that a replica's process is alive, sent while a caller waits for its judgement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, NamedTuple, TypeVar

SIGN_SHARE: Final = 0.3  # of the silence that its caller bears: each sign is a message of Ray, and costs the station
Outcome = TypeVar("Outcome")


class SignOfLife(NamedTuple):
    """The replica has the job and its event loop runs."""


class _End(NamedTuple):
    """The end of the outcomes, with the error that ended them."""

    error: BaseException | None = None


async def with_signs(outcomes: AsyncIterator[Outcome], every_s: float) -> AsyncIterator[Outcome | SignOfLife]:
    """Yield the outcomes, and a SignOfLife for each `every_s` before the first one."""
    waiting: asyncio.Queue[Outcome | _End] = asyncio.Queue()
    pump = asyncio.create_task(_pump(outcomes, waiting))
    timeout_s: float | None = every_s
    try:
        while True:
            try:
                outcome = await asyncio.wait_for(waiting.get(), timeout_s)
            except TimeoutError:
                yield SignOfLife()
                continue
            if isinstance(outcome, _End):
                if outcome.error is not None:
                    raise outcome.error
                return
            timeout_s = None
            yield outcome
    finally:
        pump.cancel()
        await asyncio.wait({pump})


async def _pump(outcomes: AsyncIterator[Outcome], waiting: asyncio.Queue[Outcome | _End]) -> None:
    """Read the outcomes in one task: what it notes for the log holds for all of them."""
    try:
        async for outcome in outcomes:
            waiting.put_nowait(outcome)
    except Exception as error:
        waiting.put_nowait(_End(error))
    else:
        waiting.put_nowait(_End())
