"""How long something takes, and how far the memory of its processes rises meanwhile. Knows psutil, and no model."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import psutil

SAMPLING_S: Final = 0.02  # each look takes a core from whoever is measured
REST_S: Final = 0.5  # the threads of whoever ran before wait for more work by spinning, some for 0.2 s
MIB: Final = 2**20


class Lap(NamedTuple):
    """Seconds a part, and MiB at the peak above what was there before."""

    seconds: float
    mib: float


def timed(run: Callable[[], object], parts: int, process: psutil.Process) -> Lap:
    """`process` is the one that does the work, with the children that it has."""
    over, workers = threading.Event(), (process, *process.children(recursive=True))
    _tidy()
    time.sleep(REST_S)
    before = peak = _resident(workers)

    def watch() -> None:
        nonlocal peak
        while not over.wait(SAMPLING_S):
            peak = max(peak, _resident(workers))

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    try:
        run()
    finally:
        seconds = time.perf_counter() - started
        over.set()
        watcher.join()
    peak = max(peak, _resident(workers))  # what came after the last look, and is still held
    return Lap(seconds / parts, (peak - before) / MIB)


def _tidy() -> None:
    """Gives freed memory back to the system, so that a lap's peak is its own; only glibc must be asked to."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


def _resident(workers: Sequence[psutil.Process]) -> int:
    return sum(worker.memory_info().rss for worker in workers)
