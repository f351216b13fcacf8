"""A thread that takes one step after another in the background of a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Protocol


class BackgroundWork(Protocol):
    """Work of a thread of its own."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@contextmanager
def running(work: BackgroundWork) -> Iterator[None]:
    """Do the work for the length of the block."""
    work.start()
    try:
        yield
    finally:
        work.stop()


class BackgroundSteps:
    """Calls `step` again and again, from `start` to `stop`. It returns the seconds until the next one, and handles its
    own errors."""

    def __init__(self, step: Callable[[], float], name: str) -> None:
        self._step = step
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread behind its current step."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            pause_s = self._step()
