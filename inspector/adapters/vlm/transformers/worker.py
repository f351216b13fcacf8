"""The one thread that computes, and how coroutines hear from it. Knows threads and event loops; nothing of models."""

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

STOP_S: Final = 10.0  # how long the last forward may take
Result = TypeVar("Result")
Task_contra = TypeVar("Task_contra", contravariant=True)


class Turn(IntEnum):
    """Whose step is next."""

    VERDICT = 0
    WORDS = 1


class Inquiry(Generic[Result]):
    """A coroutine that waits for results, made in its event loop. Once it `is_over` nobody listens any more."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._found: asyncio.Queue[Result | InspectorError] = asyncio.Queue()
        self.is_over = False

    def report(self, item: Result | InspectorError) -> None:
        """Called by the thread. An error is the last thing that is heard."""
        self.is_over = self.is_over or isinstance(item, InspectorError)
        try:
            self._loop.call_soon_threadsafe(self._found.put_nowait, item)
        except RuntimeError:  # the caller's event loop is closed
            self.is_over = True

    async def results(self, count: int) -> AsyncGenerator[Result, None]:
        """So many results, as they come. Closing it cancels what is left. Raises the first error reported."""
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
    """What the thread does, one forward at a time. `pause` is how long it may wait for another task before the next
    step: 0 when there is something to do, None when only a task can change that."""

    @property
    def pause(self) -> float | None: ...

    def add(self, task: Task_contra) -> None: ...

    def step(self) -> None: ...


class Worker(Generic[Task_contra]):
    """Runs a schedule in one thread, which ends with the worker. `prepare` is what the thread does first."""

    def __init__(self, name: str, schedule: Schedule[Task_contra], prepare: Callable[[], None] = lambda: None) -> None:
        self._inbox: queue.SimpleQueue[Task_contra | None] = queue.SimpleQueue()
        thread = threading.Thread(target=_serve, args=(self._inbox, schedule, prepare), name=name, daemon=True)
        thread.start()
        weakref.finalize(self, _stop, self._inbox, thread)

    def put(self, task: Task_contra) -> None:
        self._inbox.put(task)


def translated(error: Exception) -> InspectorError:
    """What the caller is told; an own error as it is."""
    if isinstance(error, InspectorError):
        return error
    problem = f"the model failed: {type(error).__name__}: {error}"
    if is_out_of_memory(error):
        problem += "; lower pixels.max or max_ongoing_requests in the model card"
    told = ModelError(problem)
    told.__cause__ = error
    return told


def is_out_of_memory(error: Exception) -> bool:
    """torch says so by OutOfMemoryError on a GPU, and by a RuntimeError like any other elsewhere."""
    return isinstance(error, MemoryError) or "memory" in str(error).lower()


def _stop(inbox: queue.SimpleQueue[Any], thread: threading.Thread) -> None:
    """Also at the interpreter's exit: a thread that is still inside a forward then would take the process down."""
    inbox.put(None)
    if thread is not threading.current_thread():
        thread.join(STOP_S)


def _serve(
    inbox: queue.SimpleQueue[Task_contra | None], schedule: Schedule[Task_contra], prepare: Callable[[], None]
) -> None:
    prepare()
    while _listen(inbox, schedule):
        schedule.step()


def _listen(inbox: queue.SimpleQueue[Task_contra | None], schedule: Schedule[Task_contra]) -> bool:
    """Takes in what has come; False when the worker is gone. A function of its own, so that the thread holds on to no
    task while it waits for the next."""
    while True:
        try:
            task = inbox.get(timeout=schedule.pause)
        except queue.Empty:
            return True
        if task is None:
            return False
        schedule.add(task)
