"""Measures the time of a run, and the memory peak of its processes. Knows psutil, and no model."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import psutil

MEMORY_SAMPLE_S: Final = 0.02  # each sample takes a core from the contestant
SETTLE_S: Final = 0.5  # the previous contestant's threads spin for up to 0.2 s
MIB: Final = 2**20


class Measurement(NamedTuple):
    """Seconds per part, and MiB at the peak above the memory before.

    `device_mib` is the peak above the weights on a device with memory of its own.
    """

    seconds: float
    mib: float
    device_mib: float = 0.0


def timed(run: Callable[[], object], parts: int, process: psutil.Process) -> Measurement:
    """Measure a run. `process` does the work, together with its children."""
    over, workers = threading.Event(), (process, *process.children(recursive=True))
    _tidy()
    time.sleep(SETTLE_S)
    before = peak = _resident(workers)

    def watch() -> None:
        nonlocal peak
        while not over.wait(MEMORY_SAMPLE_S):
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
    peak = max(peak, _resident(workers))  # memory taken after the last sample and still held
    return Measurement(seconds / parts, (peak - before) / MIB)


def _tidy() -> None:
    """Return freed memory to the system, so that a peak is the run's own. glibc needs an explicit call."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


def _resident(workers: Sequence[psutil.Process]) -> int:
    return sum(worker.memory_info().rss for worker in workers)
