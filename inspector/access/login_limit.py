"""Slows down the guessing of passwords: so many failed logins in a time, by name and by address.

Kept in memory and bounded: the console is one process.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from inspector.utc import utc_now

SPAN: Final = timedelta(minutes=15)
MAX_FAILURES_OF_PAIR: Final = 5  # of one name from one address
MAX_FAILURES_OF_ADDRESS: Final = 50  # of all names: a plant may sit behind one proxy
MAX_FAILURES_OF_NAME: Final = 50  # from all addresses: more would be a spread attack on one person
MAX_REMEMBERED: Final = 10_000  # names, addresses and pairs; the oldest are forgotten

Key = tuple[str, str]


class LoginLimit:
    """Counts failed logins. Safe to use from several threads."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._failures: OrderedDict[Key, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def wait_s(self, name: str, address: str) -> float:
        """Return for how many seconds this name may not log in from this address; 0.0: it may."""
        with self._lock:
            now = self._now()
            return max(self._wait_s(key, most, now) for key, most in _limits(name, address))

    def note_failure(self, name: str, address: str) -> None:
        with self._lock:
            for key, most in _limits(name, address):
                self._failures.setdefault(key, deque(maxlen=most)).append(self._now())
                self._failures.move_to_end(key)
            while len(self._failures) > MAX_REMEMBERED:
                self._failures.popitem(last=False)

    def note_success(self, name: str, address: str) -> None:
        """Forget the failures of this name from this address: its owner mistyped."""
        with self._lock:
            self._failures.pop((name, address), None)

    def _wait_s(self, key: Key, most: int, now: datetime) -> float:
        failures = self._failures.get(key, deque())
        if len(failures) < most:
            return 0.0
        return max(0.0, (failures[0] + SPAN - now).total_seconds())


def _limits(name: str, address: str) -> Iterator[tuple[Key, int]]:
    yield (name, address), MAX_FAILURES_OF_PAIR
    yield ("", address), MAX_FAILURES_OF_ADDRESS
    yield (name, ""), MAX_FAILURES_OF_NAME
