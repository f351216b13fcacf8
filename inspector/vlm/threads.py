"""Which threads compute with torch. OpenMP keeps helpers for every living thread that ever computed on several cores;
once there are more of them than cores, all of them wait asleep instead of spinning, and every operation of the engine
has to wake them first. So one thread alone has helpers: the engine's. Whatever else computes does so in threads that
end, or on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Result = TypeVar("Result")


def apart(compute: Callable[[], Result], threads: int) -> Result:
    """Computes on so many cores in a thread that ends, and its helpers with it. Raises what `compute` raises."""
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(threads,)) as passing:
        return passing.submit(compute).result()


def on_one_core(workers: int) -> ThreadPoolExecutor:
    """Threads that need no helpers."""
    return ThreadPoolExecutor(workers, "prepare", initializer=torch.set_num_threads, initargs=(1,))
