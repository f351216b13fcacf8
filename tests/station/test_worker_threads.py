"""Threads whose callers take turns."""

from __future__ import annotations

import asyncio
import threading

import pytest

from inspector.station.worker_threads import WorkerThreads


async def test_a_caller_with_many_calls_holds_up_no_other() -> None:
    threads, may_go, order = WorkerThreads("test", 1), threading.Event(), list[str]()
    first = asyncio.create_task(threads.run(may_go.wait, "flood"))
    await asyncio.sleep(0)
    flood = [asyncio.create_task(threads.run(lambda: order.append("flood"), "flood")) for _ in range(20)]
    await asyncio.sleep(0)
    quiet = asyncio.create_task(threads.run(lambda: order.append("quiet"), "quiet"))
    await asyncio.sleep(0)
    may_go.set()
    await asyncio.gather(first, quiet, *flood)
    assert order.index("quiet") <= 1
    assert len(order) == 21


async def test_a_call_that_fails_ends_neither_the_thread_nor_its_turn() -> None:
    threads = WorkerThreads("test", 1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0, "camera")
    assert await threads.run(lambda: 1, "camera") == 1


async def test_as_many_calls_run_at_once_as_there_are_threads() -> None:
    threads, together = WorkerThreads("test", 3), threading.Barrier(3)
    places = await asyncio.gather(*(threads.run(lambda: together.wait(10), number) for number in range(3)))
    assert sorted(places) == [0, 1, 2]
