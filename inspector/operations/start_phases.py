"""How long the phases of a start take: the start is the longest outage that a line sees."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psutil


class StartPhases:
    """Seconds of each phase, counted from the start of this process. The first, `command`, ends with its creation.

    Phases may run at the same time, so that `total` is less than their sum.
    """

    def __init__(self) -> None:
        self._process_began_s = time.monotonic() - (time.time() - psutil.Process().create_time())
        self._seconds = {"command": time.monotonic() - self._process_began_s}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        began_s = time.monotonic()
        yield
        self._seconds[name] = time.monotonic() - began_s

    def add(self, phases: Mapping[str, float]) -> None:
        """Take phases that were measured elsewhere."""
        self._seconds |= phases

    def finish(self) -> None:
        """End the start: the service runs."""
        self._seconds["total"] = time.monotonic() - self._process_began_s

    def seconds(self) -> dict[str, float]:
        """Return what was measured, rounded, for people and documents."""
        return {name: round(seconds, 2) for name, seconds in self._seconds.items()}

    def __str__(self) -> str:
        return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self._seconds.items())
