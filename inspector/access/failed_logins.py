"""How many failed logins become entries of the audit: guessing must not fill the ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from inspector.utc import utc_now

SPAN: Final = timedelta(hours=1)
MAX_ENTRIES: Final = 100  # in one span; further failures are counted in the next entry


class FailedLogins:
    """Counts failed logins since the last entry. Safe to use from several threads."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._entries: deque[datetime] = deque(maxlen=MAX_ENTRIES)
        self._unrecorded = 0
        self._lock = Lock()

    def note(self) -> int | None:
        """Return how many failures no entry names, where this one becomes an entry; None where it does not."""
        with self._lock:
            now = self._now()
            if len(self._entries) == MAX_ENTRIES and now - self._entries[0] < SPAN:
                self._unrecorded += 1
                return None
            self._entries.append(now)
            unrecorded, self._unrecorded = self._unrecorded, 0
            return unrecorded
