"""The clock of the running event loop. A test that runs in virtual time moves it."""

from __future__ import annotations

import asyncio


def loop_time_s() -> float:
    """Return the monotonic time of the running event loop, in seconds."""
    return asyncio.get_running_loop().time()
