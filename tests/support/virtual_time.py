"""An event loop whose clock jumps to the next timer instead of waiting for it: a busy machine changes no outcome."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping

import pytest


class TimeSkippingSelector(selectors.DefaultSelector):
    """Counts the seconds that it was asked to wait, and waits only where nothing but the outside can go on."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0.0)
        if timeout and not ready:
            self.skipped_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = TimeSkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.skipped_s


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the event loop of a test: virtual time where it is marked so, and where no thread has to be waited for."""
    if item.get_closest_marker("virtual_time") is None:
        return {"real": asyncio.new_event_loop}
    return {"virtual": VirtualLoop}
