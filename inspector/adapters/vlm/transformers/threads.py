"""Which threads compute with torch. OpenMP keeps helpers for every living thread that ever computed on several cores;
once there are more of them than cores, all of them wait asleep instead of spinning, and every operation of the engine
has to wake them first. So one thread alone has helpers: the engine's. Whatever else computes does so in threads that
end, or on one core; numpy, too, whose own helpers spin for tens of milliseconds after each product.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import torch
from threadpoolctl import threadpool_limits

Result = TypeVar("Result")
_LOCK: Final = threading.Lock()


def compute_on(threads: int) -> None:
    """How many cores this thread computes on, whatever other threads say later: torch keeps one number for all, and a
    thread takes it up when it is first asked for, which is done here at once."""
    with _LOCK:
        torch.set_num_threads(threads)
        torch.get_num_threads()


def numpy_on_one_core() -> None:
    """In the whole process, from now on."""
    threadpool_limits(1, user_api="blas")


def apart(compute: Callable[[], Result], threads: int) -> Result:
    """Computes on so many cores in a thread that ends, and its helpers with it. Raises what `compute` raises."""
    with ThreadPoolExecutor(1, initializer=compute_on, initargs=(threads,)) as passing:
        return passing.submit(compute).result()


def on_one_core(workers: int) -> ThreadPoolExecutor:
    """Threads that need no helpers."""
    return ThreadPoolExecutor(workers, "prepare", initializer=compute_on, initargs=(1,))
