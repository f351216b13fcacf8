"""Chooses the precision of matrix products in training.

bfloat16 is used where the device multiplies it faster than float32. Processors without units for it take twice as long
as in float32.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Final

import torch

PROBE_ROWS: Final = 8192  # rows of the measured product, as in a training step
PROBE_WIDTH: Final = 256
TIMING_REPEATS: Final = 5


def matmul_autocast(device: torch.device) -> torch.autocast:
    """Return the autocast context for a training step."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_is_faster(device))


@cache
def bfloat16_is_faster(device: torch.device) -> bool:
    """Tell whether bfloat16 is faster: always on a GPU, by measurement on a CPU."""
    if device.type != "cpu":
        return True
    tried = {dtype: _matmul(dtype) for dtype in (torch.bfloat16, torch.float32)}
    seconds: dict[torch.dtype, list[float]] = {dtype: [] for dtype in tried}
    for _ in range(TIMING_REPEATS):  # alternating, so that other load slows both
        for dtype, product in tried.items():
            seconds[dtype].append(_seconds(product))
    return min(seconds[torch.bfloat16]) < min(seconds[torch.float32])


def _matmul(dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    """Return a function that multiplies two matrices of the given type."""
    given, weight = torch.ones(PROBE_ROWS, PROBE_WIDTH, dtype=dtype), torch.ones(PROBE_WIDTH, PROBE_WIDTH, dtype=dtype)
    return lambda: torch.nn.functional.linear(given, weight)


def _seconds(work: Callable[[], torch.Tensor]) -> float:
    """Return the duration of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
