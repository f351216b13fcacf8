"""Measures work on a device: its time, which may go on after the call that started it, and the device's memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

import torch

MIB: Final = 2**20
Result = TypeVar("Result")


def timed(run: Callable[[], Result], device: torch.device) -> tuple[Result, float]:
    """Return the result, and the seconds until the device has finished it."""
    _wait(device)
    started = time.perf_counter()
    result = run()
    _wait(device)
    return result, time.perf_counter() - started


class DeviceMemoryGauge:
    """Measures how far a device's memory rises above what it holds now; 0.0 for a device without memory of its own."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._held = self._bytes(torch.cuda.memory_allocated)

    def peak_mib(self, run: Callable[[], object]) -> float:
        """Return the peak during the run."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        run()
        return (self._bytes(torch.cuda.max_memory_allocated) - self._held) / MIB

    def _bytes(self, read: Callable[[torch.device], int]) -> int:
        return read(self._device) if self._device.type == "cuda" else 0


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
