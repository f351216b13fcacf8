"""Puts a station ahead of the other processes of its machine: a late verdict is worse than a slow model or page."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

THREADS: Final = Path("/proc/self/task")  # Linux gives each thread a priority of its own


def take_priority(niceness: int) -> bool:
    """Give this process, with the threads that it has, this niceness. Later threads inherit it.

    Return False where the system refuses: an unprivileged process needs a limit such as systemd's LimitNICE.
    """
    try:
        for thread in THREADS.iterdir():
            os.setpriority(os.PRIO_PROCESS, int(thread.name), niceness)
    except OSError as error:
        log.info("this process keeps its priority: %s; see INSPECTOR_STATION_NICENESS", error)
        return False
    return True
