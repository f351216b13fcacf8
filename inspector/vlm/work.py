"""The one thread that computes. Work is cut in steps (one forward each), and after every step the most urgent
job goes on: a verdict never waits for words. Knows threads and event loops; nothing of models."""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
import weakref
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Generic, TypeVar

from inspector.errors import InspectorError, ModelError

Result = TypeVar("Result")
Steps = Generator[Sequence[Result], None, None]  # each step gives what it found, often nothing yet


class Turn(IntEnum):
    """Whose step is next. Jobs of one turn go on in the order they came."""

    VERDICT = 0
    WORDS = 1
    STOP = 2


class Ended:
    """The last thing a job reports."""


ENDED: Final = Ended()


@dataclass(slots=True)
class Job(Generic[Result]):
    """Steps, and the coroutine that waits for what they find."""

    steps: Steps[Result]
    loop: asyncio.AbstractEventLoop
    found: asyncio.Queue[Result | Exception | Ended]
    cancelled: bool = False

    def step(self) -> bool:
        """Runs one step; False when nothing is left to do."""
        if self.cancelled:
            self.steps.close()
            return False
        try:
            for item in next(self.steps):
                self._report(item)
        except StopIteration:
            self._report(ENDED)
            return False
        except InspectorError as error:
            self._report(error)
            return False
        except Exception as error:  # whatever one job raises must not end the thread that all jobs need
            self._report(_translated(error))
            return False
        return True

    def _report(self, item: Result | Exception | Ended) -> None:
        try:
            self.loop.call_soon_threadsafe(self.found.put_nowait, item)
        except RuntimeError:  # the caller's event loop is closed: nobody waits any more
            self.cancelled = True


Jobs = queue.PriorityQueue[tuple[Turn, int, Job[Any] | None]]


class Worker:
    """Runs the jobs of many coroutines in one thread, which ends with the worker."""

    def __init__(self, name: str) -> None:
        self._jobs: Jobs = queue.PriorityQueue()
        self._numbers = itertools.count()
        threading.Thread(target=_serve, args=(self._jobs,), name=name, daemon=True).start()
        weakref.finalize(self, self._jobs.put, (Turn.STOP, 0, None))

    async def stream(self, turn: Turn, steps: Steps[Result]) -> AsyncGenerator[Result, None]:
        """What the steps find, as they find it. Closing the stream ends the job after its present step.

        Raises ModelError when a step fails.
        """
        job = Job(steps, asyncio.get_running_loop(), asyncio.Queue())
        self._jobs.put((turn, next(self._numbers), job))
        try:
            while not isinstance(item := await job.found.get(), Ended):
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            job.cancelled = True

    async def run(self, turn: Turn, steps: Steps[Result]) -> Result:
        """The first thing that the steps find."""
        async with aclosing(self.stream(turn, steps)) as stream:
            return await anext(stream)


def _serve(jobs: Jobs) -> None:
    while _one_step(jobs):
        pass


def _one_step(jobs: Jobs) -> bool:
    """A function of its own, so that the thread holds on to no job while it waits for the next."""
    turn, number, job = jobs.get()
    if job is not None and job.step():
        jobs.put((turn, number, job))
    return job is not None


def _translated(error: Exception) -> ModelError:
    problem = f"the model failed: {type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        problem += "; lower pixels.max or max_ongoing_requests in the model card"
    translated = ModelError(problem)
    translated.__cause__ = error
    return translated
