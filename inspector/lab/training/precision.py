"""In which numbers training multiplies: bfloat16 where the device multiplies it faster than float32. Processors without
units for it take twice as long as in float32."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Final

import torch

PROBE_ROWS: Final = 8192  # about the products of a step
PROBE_WIDTH: Final = 256
TIMING_REPEATS: Final = 5


def matmul_autocast(device: torch.device) -> torch.autocast:
    """The context in which a step is worked out."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_is_faster(device))


@cache
def bfloat16_is_faster(device: torch.device) -> bool:
    """On a GPU it is; on a CPU it is tried."""
    if device.type != "cpu":
        return True
    tried = {dtype: _matmul(dtype) for dtype in (torch.bfloat16, torch.float32)}
    seconds: dict[torch.dtype, list[float]] = {dtype: [] for dtype in tried}
    for _ in range(TIMING_REPEATS):  # in turns: what else runs on the machine hinders both
        for dtype, product in tried.items():
            seconds[dtype].append(_seconds(product))
    return min(seconds[torch.bfloat16]) < min(seconds[torch.float32])


def _matmul(dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    given, weight = torch.ones(PROBE_ROWS, PROBE_WIDTH, dtype=dtype), torch.ones(PROBE_WIDTH, PROBE_WIDTH, dtype=dtype)
    return lambda: torch.nn.functional.linear(given, weight)


def _seconds(work: Callable[[], torch.Tensor]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
