"""Events of one station: counted in memory, stored and published about once a second."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import replace
from typing import Final

from inspector.errors import BrokerError, LedgerError
from inspector.messages.outgoing import EventMessage, EventSeverity, to_json
from inspector.messages.topics import Topics
from inspector.ports.broker import Publisher
from inspector.ports.ledger import Event, EventStore
from inspector.utc import utc_now

log = logging.getLogger(__name__)

REPEAT_INTERVAL_S: Final = 10.0  # the same event is stored and published at most this often
NO_LINE: Final = "service"  # the line of events that belong to no line
MAX_TEXT: Final = 500  # characters of an event's text
EventKey = tuple[str, str | None, str]  # line, camera, kind


class EventLog:
    """Collects events and writes them in the background. Not thread-safe: call it on the station's event loop."""

    def __init__(self, ledger: EventStore, publisher: Publisher, topics: Topics, interval_s: float = 1.0) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._topics = topics
        self._interval_s = interval_s
        self._pending: dict[EventKey, Event] = {}
        self._written_s: dict[EventKey, float] = {}

    def add(
        self,
        kind: str,
        text: str,
        *,
        line: str = NO_LINE,
        camera: str | None = None,
        severity: str = EventSeverity.WARNING,
    ) -> None:
        """Count an event. The same kind, line and camera is written at most every REPEAT_INTERVAL_S, with its count."""
        key = (line, camera, kind)
        if earlier := self._pending.get(key):
            self._pending[key] = replace(earlier, count=earlier.count + 1, text=text)
            return
        self._pending[key] = Event(uuid.uuid4().hex, line, camera, kind, severity, text[:MAX_TEXT], utc_now())
        source = {"line": line, "camera": camera}
        log.warning("%s %s/%s: %s", kind, line, camera or "-", text[:MAX_TEXT], extra=source)

    async def run(self) -> None:
        """Write due events until cancelled, then all that are left."""
        try:
            while True:
                await asyncio.sleep(self._interval_s)
                await self.flush()
        finally:
            self._written_s.clear()
            await self.flush()

    async def flush(self) -> None:
        """Store and publish every event that is due. Events wait while the ledger is away."""
        now_s = time.monotonic()
        due = {key: event for key, event in self._pending.items() if self._is_due(key, now_s)}
        if not due:
            return
        try:
            await self._ledger.add_events(list(due.values()))
        except LedgerError as error:
            log.warning("%d event(s) wait: %s", len(due), error)
            return
        for key, event in due.items():
            self._written_s[key] = now_s
            del self._pending[key]
            await self._publish(event)

    def _is_due(self, key: EventKey, now_s: float) -> bool:
        return now_s - self._written_s.get(key, -REPEAT_INTERVAL_S) >= REPEAT_INTERVAL_S

    async def _publish(self, event: Event) -> None:
        message = EventMessage(
            event_id=event.event_id,
            line=event.line,
            camera=event.camera,
            kind=event.kind,
            severity=event.severity,
            text=event.text,
            count=event.count,
            at=event.at,
        )
        try:
            await self._publisher.announce(self._topics.event(event.line), to_json(message))
        except BrokerError as error:
            log.warning("event %s is stored but not published: %s", event.kind, error)
