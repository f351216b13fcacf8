"""Threads of their own for each kind of blocking work, so that one kind that hangs holds up no other."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from inspector.runtime.turn_queue import TurnQueue

Result = TypeVar("Result")

IDLE_S: Final = 5.0  # a thread without work for this long ends
EVIDENCE_THREADS: Final = 8
DECODING_THREADS: Final = 1 + (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """A call for a thread, and the future that waits for its result."""

    work: Callable[[], Result]
    done: asyncio.Future[Result]
    loop: asyncio.AbstractEventLoop
    context: Context


class WorkerThreads:
    """At most `threads` daemon threads, for whose time callers take turns. One that hangs does not keep the process."""

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._most = threads
        self._running = 0
        self._calls: TurnQueue[Hashable, Call[Any]] = TurnQueue()
        self._changed = threading.Condition()

    async def run(self, work: Callable[[], Result], caller: Hashable = None) -> Result:
        """Return the result of `work`. A caller that is cancelled leaves the queue; a call in progress goes on."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        with self._changed:
            self._calls.put(caller, Call(work, done, loop, copy_context()))
            self._changed.notify()
            if self._running < self._most:
                self._running += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
        return await done

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            caller, call = taken
            if not call.done.cancelled():
                _finish(call)
            with self._changed:
                self._calls.end(caller)
            del taken, call  # an idle thread keeps no picture

    def _next(self) -> tuple[Hashable, Call[Any]] | None:
        with self._changed:
            if self._changed.wait_for(self._calls.__len__, IDLE_S):
                return self._calls.take()
            self._running -= 1
            return None


@dataclass(frozen=True, slots=True)
class ExaminerThreads:
    """The threads that store and decode the pictures of one station."""

    evidence: WorkerThreads = field(default_factory=lambda: WorkerThreads("evidence", EVIDENCE_THREADS))
    decoding: WorkerThreads = field(default_factory=lambda: WorkerThreads("decoding", DECODING_THREADS))


def _finish(call: Call[Any]) -> None:
    try:
        result, error = call.context.run(call.work), None
    except BaseException as raised:
        result, error = None, raised
    with suppress(RuntimeError):  # the loop has ended, and its callers with it
        call.loop.call_soon_threadsafe(_settle, call.done, result, error)


def _settle(done: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
