"""Milliseconds of what is measured."""

from __future__ import annotations

import time


def ms_since(started: float) -> float:
    """Return the milliseconds since this reading of `time.perf_counter`."""
    return (time.perf_counter() - started) * 1000.0
