"""Whether the ledger stores parts now, as its last commits show."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from inspector.errors import LedgerError
from inspector.messages.outgoing import EventSeverity
from inspector.station.event_log import EventLog

MAX_COMMIT_S: Final = 1.0  # a commit that takes longer counts as a ledger that is away
MIN_RETRY_PAUSE_S: Final = 0.05
MAX_RETRY_PAUSE_S: Final = 0.5
REMEDY: Final = "parts get the fail-safe until it is back; check disk space, database and network"


class LedgerState:
    """`is_away` from a failed or hanging commit until the next one that succeeds. Other threads may read it."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._stores = asyncio.Event()
        self._stores.set()

    @property
    def is_away(self) -> bool:
        return not self._stores.is_set()

    @contextmanager
    def commit(self, line: str) -> Iterator[None]:
        """Watch one commit of this line. What it raises passes through."""
        slow = f"a commit takes more than {MAX_COMMIT_S:g} s"
        timer = asyncio.get_running_loop().call_later(MAX_COMMIT_S, self._set_away, slow, line)
        try:
            yield
        except LedgerError as error:
            self._set_away(str(error), line)
            raise
        else:
            self._stores.set()
        finally:
            timer.cancel()

    async def pause(self) -> None:
        """Wait before the next attempt: until another commit succeeds, but not long."""
        await asyncio.sleep(MIN_RETRY_PAUSE_S)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stores.wait(), MAX_RETRY_PAUSE_S)

    def _set_away(self, cause: str, line: str) -> None:
        self._stores.clear()
        self._events.add("LEDGER_AWAY", f"{cause}; {REMEDY}", line=line, severity=EventSeverity.ALARM)
