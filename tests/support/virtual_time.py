"""An event loop whose clock jumps to the next timer instead of waiting for it: a busy machine changes no outcome."""

from __future__ import annotations

import asyncio
import selectors


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
