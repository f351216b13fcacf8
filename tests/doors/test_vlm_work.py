"""The one thread that computes: whose step is next, and what a failure or a cancellation touches."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from contextlib import aclosing

import pytest

from inspector.errors import ModelError
from inspector.vlm.work import Steps, Turn, Worker


def gate(opened: threading.Event) -> Steps[str]:
    """Keeps the thread busy until the test has queued what it wants."""
    opened.wait(10)
    yield ["gate"]


def walk(name: str, count: int, log: list[str]) -> Steps[str]:
    for step in range(count):
        log.append(f"{name}{step}")
        yield [f"{name}{step}"] if step == count - 1 else []


def fail(error: Exception) -> Steps[str]:
    yield []
    raise error


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_verdict_never_waits_for_words() -> None:
    worker, opened, log = Worker("test"), threading.Event(), list[str]()
    first = asyncio.create_task(worker.run(Turn.VERDICT, gate(opened)))
    words = asyncio.create_task(worker.run(Turn.WORDS, walk("w", 3, log)))
    verdicts = [asyncio.create_task(worker.run(Turn.VERDICT, walk(name, 2, log))) for name in "ab"]
    await asyncio.sleep(0)
    opened.set()
    await asyncio.gather(first, words, *verdicts)
    assert log == ["a0", "a1", "b0", "b1", "w0", "w1", "w2"]


async def test_a_verdict_goes_between_two_steps_of_words_that_are_under_way() -> None:
    worker, log = Worker("test"), list[str]()
    started, opened = threading.Event(), threading.Event()

    def words() -> Steps[str]:
        log.append("w0")
        started.set()
        opened.wait(10)
        yield []
        log.append("w1")
        yield ["written"]

    writing = asyncio.create_task(worker.run(Turn.WORDS, words()))
    await asyncio.to_thread(started.wait, 10)
    verdict = asyncio.create_task(worker.run(Turn.VERDICT, walk("v", 1, log)))
    await asyncio.sleep(0)
    opened.set()
    await asyncio.gather(writing, verdict)
    assert log == ["w0", "v0", "w1"]


async def test_a_cancelled_call_leaves_the_queue_unrun() -> None:
    worker, opened, log = Worker("test"), threading.Event(), list[str]()
    first = asyncio.create_task(worker.run(Turn.VERDICT, gate(opened)))
    cancelled = asyncio.create_task(worker.run(Turn.VERDICT, walk("c", 3, log)))
    other = asyncio.create_task(worker.run(Turn.VERDICT, walk("o", 1, log)))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.sleep(0)
    opened.set()
    assert await other == "o0"
    assert log == ["o0"]
    await first


async def test_a_closed_stream_ends_its_job_at_the_next_step() -> None:
    worker, ended = Worker("test"), threading.Event()

    def endless() -> Steps[int]:
        try:
            while True:
                time.sleep(0.001)
                yield [1]
        finally:
            ended.set()

    async with aclosing(worker.stream(Turn.VERDICT, endless())) as stream:
        assert await anext(stream) == 1
    assert await asyncio.to_thread(ended.wait, 10)


async def test_an_error_belongs_to_its_call_only() -> None:
    worker, log = Worker("test"), list[str]()
    spoiled, fine = await asyncio.gather(
        worker.run(Turn.VERDICT, fail(KeyError("layer"))),
        worker.run(Turn.VERDICT, walk("f", 3, log)),
        return_exceptions=True,
    )
    assert isinstance(spoiled, ModelError)
    assert isinstance(spoiled.__cause__, KeyError)
    assert fine == "f2"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")])
async def test_running_out_of_memory_says_what_to_lower(error: Exception) -> None:
    worker, log = Worker("test"), list[str]()
    with pytest.raises(ModelError, match=r"lower pixels\.max or max_ongoing_requests"):
        await worker.run(Turn.VERDICT, fail(error))
    assert await worker.run(Turn.VERDICT, walk("f", 1, log)) == "f0"


async def test_an_own_error_is_passed_on_as_it_is() -> None:
    with pytest.raises(ModelError, match=r"^the prefix is closed$"):
        await Worker("test").run(Turn.VERDICT, fail(ModelError("the prefix is closed")))


def test_a_caller_whose_event_loop_is_gone_stops_nobody() -> None:
    worker, opened, log = Worker("test"), threading.Event(), list[str]()

    async def leave() -> None:
        task = asyncio.create_task(worker.run(Turn.VERDICT, gate(opened)))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())
    opened.set()
    assert asyncio.run(worker.run(Turn.VERDICT, walk("n", 1, log))) == "n0"


async def test_the_thread_ends_with_its_worker() -> None:
    worker = Worker("short-lived")
    assert await worker.run(Turn.VERDICT, walk("s", 1, [])) == "s0"
    del worker
    gc.collect()
    await until(lambda: all(thread.name != "short-lived" for thread in threading.enumerate()))
