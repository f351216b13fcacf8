"""How much freed memory the C library keeps in a process that reads a picture per part for months.

glibc gives every thread a heap of its own, and raises the size from which it asks the system for each block as soon as
pictures are freed. Its heaps then fragment, and the process grows for hours.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
LIMITS: Final = {
    M_ARENA_MAX: 2,  # heaps
    M_MMAP_THRESHOLD: 256 * 1024,  # bytes; a picture goes back to the system when it is freed
    M_TRIM_THRESHOLD: 1024 * 1024,  # bytes at the end of a heap
}
OPERATORS_CHOICE: Final = ("MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def limit_kept_memory() -> None:
    """Set the limits, unless the environment chooses its own or this is no glibc."""
    if any(name in os.environ for name in OPERATORS_CHOICE):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in LIMITS.items():
            mallopt(parameter, value)
