"""The one thread that computes, and how coroutines get results from it. Knows threads and event loops, no models."""

from __future__ import annotations

import asyncio
import queue
import threading
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from enum import IntEnum
from typing import Any, Final, Generic, Protocol, TypeVar

from inspector.errors import InspectorError, ModelError

STOP_TIMEOUT_S: Final = 10.0  # the longest that the last forward may take
Result = TypeVar("Result")
Task_contra = TypeVar("Task_contra", contravariant=True)


class Priority(IntEnum):
    """The result of a step: when the next one is due."""

    VERDICT = 0
    WORDS = 1


class PendingResults(Generic[Result]):
    """A coroutine's pending results, created in its event loop. Once it `is_over` nothing waits for it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._found: asyncio.Queue[Result | InspectorError] = asyncio.Queue()
        self.is_over = False

    def report(self, item: Result | InspectorError) -> None:
        """Deliver a result or an error, from the thread. An error is the last delivery."""
        self.is_over = self.is_over or isinstance(item, InspectorError)
        try:
            self._loop.call_soon_threadsafe(self._found.put_nowait, item)
        except RuntimeError:  # the caller's event loop is closed
            self.is_over = True

    async def results(self, count: int) -> AsyncGenerator[Result, None]:
        """Yield `count` results as they arrive. Closing the generator cancels the rest. Raises the first error."""
        try:
            for _ in range(count):
                item = await self._found.get()
                if isinstance(item, InspectorError):
                    raise item
                yield item
        finally:
            self.is_over = True

    async def result(self) -> Result:
        async with aclosing(self.results(1)) as results:
            return await anext(results)


class Schedule(Protocol[Task_contra]):
    """What the thread runs, one forward at a time.

    `pause` is how long it may wait for another task before the next step: 0 when there is something to do, None when
    only a task can change that.
    """

    @property
    def pause(self) -> float | None: ...

    def add(self, task: Task_contra) -> None: ...

    def step(self) -> None: ...


class Worker(Generic[Task_contra]):
    """Runs a schedule in one thread, which ends with the worker. `prepare` is what the thread runs first."""

    def __init__(self, name: str, schedule: Schedule[Task_contra], prepare: Callable[[], None] = lambda: None) -> None:
        self._inbox: queue.SimpleQueue[Task_contra | None] = queue.SimpleQueue()
        thread = threading.Thread(target=_serve, args=(self._inbox, schedule, prepare), name=name, daemon=True)
        thread.start()
        weakref.finalize(self, _stop, self._inbox, thread)

    def put(self, task: Task_contra) -> None:
        self._inbox.put(task)


def as_inspector_error(error: Exception) -> InspectorError:
    """Return the error for the caller; an InspectorError stays as it is."""
    if isinstance(error, InspectorError):
        return error
    problem = f"the model failed: {type(error).__name__}: {error}"
    if is_out_of_memory(error):
        problem += "; lower pixels.max or max_ongoing_requests in the model card"
    error_for_caller = ModelError(problem)
    error_for_caller.__cause__ = error
    return error_for_caller


def is_out_of_memory(error: Exception) -> bool:
    """Return whether torch ran out of memory: OutOfMemoryError on a GPU, a plain RuntimeError elsewhere."""
    return isinstance(error, MemoryError) or "memory" in str(error).lower()


def _stop(inbox: queue.SimpleQueue[Any], thread: threading.Thread) -> None:
    """Stop the thread, also at the interpreter's exit: a thread inside a forward would crash the process then."""
    inbox.put(None)
    if thread is not threading.current_thread():
        thread.join(STOP_TIMEOUT_S)


def _serve(
    inbox: queue.SimpleQueue[Task_contra | None], schedule: Schedule[Task_contra], prepare: Callable[[], None]
) -> None:
    prepare()
    while _listen(inbox, schedule):
        schedule.step()


def _listen(inbox: queue.SimpleQueue[Task_contra | None], schedule: Schedule[Task_contra]) -> bool:
    """Take incoming tasks; return False when the worker is gone.

    A function of its own, so that the thread holds no task while it waits for the next.
    """
    while True:
        try:
            task = inbox.get(timeout=schedule.pause)
        except queue.Empty:
            return True
        if task is None:
            return False
        schedule.add(task)
