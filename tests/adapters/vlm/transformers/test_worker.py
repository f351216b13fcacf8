"""The one thread that computes, and how coroutines hear from it."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from inspector.adapters.vlm.transformers.worker import PendingResults, Worker, as_inspector_error
from inspector.errors import InspectorError, ModelError


@dataclass
class Echo:
    """A schedule that reports one number a step to whoever has come first, until he has decoder_rows enough."""

    waiting: list[PendingResults[int]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    steps: int = 0

    @property
    def pause(self) -> float | None:
        return 0.0 if self.waiting else None

    def add(self, task: PendingResults[int]) -> None:
        self.waiting.append(task)

    def step(self) -> None:
        self.gate.wait(10)
        self.waiting = [pending for pending in self.waiting if not pending.is_over]
        for pending in self.waiting[:1]:
            pending.report(self.steps)
            self.steps += 1


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def opened() -> Echo:
    echo = Echo()
    echo.gate.set()
    return echo


async def test_results_come_in_the_order_they_were_reported() -> None:
    worker, pending = Worker("test", opened()), PendingResults[int]()
    worker.put(pending)
    assert [number async for number in pending.results(4)] == [0, 1, 2, 3]


async def test_closing_the_results_ends_the_inquiry() -> None:
    echo = opened()
    worker, left, other = Worker("test", echo), PendingResults[int](), PendingResults[int]()
    worker.put(left)
    async with aclosing(left.results(1000)) as results:
        await anext(results)
    assert left.is_over
    worker.put(other)
    await other.result()


async def test_a_cancelled_call_is_over() -> None:
    pending = PendingResults[int]()
    waiting = asyncio.create_task(pending.result())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pending.is_over


async def test_an_error_is_the_last_thing_heard() -> None:
    pending = PendingResults[int]()
    pending.report(1)
    pending.report(ModelError("enough"))
    assert pending.is_over
    results = pending.results(9)
    assert await anext(results) == 1
    with pytest.raises(ModelError, match=r"^enough$"):
        await anext(results)


def test_a_caller_whose_event_loop_is_gone_stops_nobody() -> None:
    echo = Echo()
    worker = Worker("test", echo)

    async def leave() -> None:
        worker.put(PendingResults[int]())

    async def stay() -> int:
        pending = PendingResults[int]()
        worker.put(pending)
        return await pending.result()

    asyncio.run(leave())
    echo.gate.set()
    assert asyncio.run(stay()) > 0


async def test_the_thread_ends_with_its_worker() -> None:
    worker, pending = Worker("short-lived", opened()), PendingResults[int]()
    worker.put(pending)
    await pending.result()
    del worker
    gc.collect()
    await until(lambda: all(thread.name != "short-lived" for thread in threading.enumerate()))


async def test_an_idle_thread_looks_again_after_the_pause() -> None:
    class Clock(Echo):
        @property
        def pause(self) -> float | None:
            return 0.001

        def step(self) -> None:
            self.steps += 1

    clock = Clock()
    worker = Worker("test", clock)
    await until(lambda: clock.steps > 2)
    assert worker is not None


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")])
def test_running_out_of_memory_says_what_to_lower(error: Exception) -> None:
    assert "lower pixels.max or max_ongoing_requests" in str(as_inspector_error(error))


def test_a_strange_error_is_told_with_its_cause() -> None:
    error = KeyError("layer")
    told = as_inspector_error(error)
    assert isinstance(told, ModelError)
    assert told.__cause__ is error


def test_an_own_error_is_passed_on_as_it_is() -> None:
    own: InspectorError = ModelError("the prefix is closed")
    assert as_inspector_error(own) is own
