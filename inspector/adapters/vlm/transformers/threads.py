"""Threads that compute with torch.

OpenMP keeps helper threads for every living thread that ever computed on several cores. When there are more helpers
than cores, all of them sleep instead of spinning, and every operation has to wake them first. So only the engine's
thread has helpers. Everything else computes in threads that end, or on one core. numpy is limited to one core too: its
own helpers spin for tens of milliseconds after each product.
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


def set_compute_threads(threads: int) -> None:
    """Set how many cores this thread computes on, whatever other threads set later.

    torch has one number for all threads, and a thread adopts it when it is first read, which happens here.
    """
    with _LOCK:
        torch.set_num_threads(threads)
        torch.get_num_threads()


def limit_numpy_to_one_core() -> None:
    """Limit numpy to one core in this process from now on."""
    threadpool_limits(1, user_api="blas")


def run_in_own_thread(compute: Callable[[], Result], threads: int) -> Result:
    """Compute on `threads` cores in a thread that ends, and its helpers with it. Raises what `compute` raises."""
    with ThreadPoolExecutor(1, initializer=set_compute_threads, initargs=(threads,)) as passing:
        return passing.submit(compute).result()


def single_core_executor(workers: int) -> ThreadPoolExecutor:
    """Return an executor whose threads compute on one core."""
    return ThreadPoolExecutor(workers, "prepare", initializer=set_compute_threads, initargs=(1,))
