"""A running station: its steps to start, its background services, its steps to stop. Knows nothing of Ray."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger(__name__)

Step = Callable[[], Awaitable[object]]


class Service(Protocol):
    """Something that runs in the background until it is cancelled."""

    async def run(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What a station does in which order: `before` its services start, `after` that, to `drain` its work, to `stop`."""

    before: Sequence[Step]
    services: Sequence[Service]
    after: Sequence[Step]
    drain: Sequence[Step]
    stop: Sequence[Step]


class RunningStation:
    """serving.deployments.RunningService: one station from `start` to `close`.

    `check_intake` raises BrokerError when no frames can come in.
    """

    def __init__(self, number: int, lifecycle: Lifecycle, check_intake: Callable[[], None]) -> None:
        self._number = number
        self._lifecycle = lifecycle
        self._check_intake = check_intake
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Continue where a previous run stopped, then open the intake: no frame arrives before that."""
        for step in self._lifecycle.before:
            await step()
        self._tasks = [asyncio.create_task(service.run()) for service in self._lifecycle.services]
        for step in self._lifecycle.after:
            await step()

    def check(self) -> None:
        """Raise what ended a service, or BrokerError when no frames can come in."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                error = task.exception()
                log.error("a service of station %d ended; the station starts again", self._number, exc_info=error)
                raise RuntimeError(f"a service of station {self._number} ended: {error!r}") from error
        self._check_intake()

    async def close(self) -> None:
        """Finish, store and publish the frames in flight, then stop. A step that takes too long is given up."""
        for step in self._lifecycle.drain:
            with contextlib.suppress(TimeoutError):
                await step()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for step in self._lifecycle.stop:
            await step()
