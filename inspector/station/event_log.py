"""Events of one station: counted in memory, published about once a second, stored when the ledger takes them.

Publishing does not wait for the ledger: an alarm about the ledger must reach people while the ledger is away.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, NamedTuple

from inspector.errors import BrokerError, LedgerError
from inspector.messages.outgoing import EventMessage, EventSeverity, to_json
from inspector.messages.topics import Topics
from inspector.ports.broker import Publisher
from inspector.ports.ledger import Event, EventStore
from inspector.secret_texts import without_secrets
from inspector.station.camera_names import OTHERS, CameraNames
from inspector.utc import utc_now

log = logging.getLogger(__name__)

REPEAT_INTERVAL_S: Final = 10.0  # the same event is published at most this often
MAX_UNSTORED_EVENTS: Final = 5_000  # published events that wait for the ledger; the oldest are dropped first
MAX_CAUSES: Final = 8  # texts of one kind, line and camera that count as different causes within REPEAT_INTERVAL_S
# what differs from part to part in a text; not the short number of a name, such as model-2
PART_NUMBER: Final = re.compile(r"[0-9a-f]{12,}|\d{3,}|(?<![A-Za-z_-])\d+")
NO_LINE: Final = "service"  # the line of events that belong to no line
MAX_TEXT: Final = 500  # characters of an event's text


class EventSource(NamedTuple):
    """What one event is about."""

    line: str
    camera: str | None
    kind: str


class EventCause(NamedTuple):
    """One cause of events: its source, and the text without numbers of single parts; None for all further causes."""

    source: EventSource
    text: str | None


class EventLog:
    """Collects events and writes them in the background. Not thread-safe: call it on the station's event loop.

    `names` bounds the lines and cameras that have events of their own.
    """

    def __init__(self, ledger: EventStore, publisher: Publisher, topics: Topics, interval_s: float = 1.0) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._topics = topics
        self._interval_s = interval_s
        self.names = CameraNames()
        self._pending: dict[EventCause, Event] = {}
        self._published_s: dict[EventCause, float] = {}
        self._causes: Counter[EventSource] = Counter()  # pending or published lately
        self._unstored: deque[Event] = deque(maxlen=MAX_UNSTORED_EVENTS)

    def add(
        self,
        kind: str,
        text: str,
        *,
        line: str = NO_LINE,
        camera: str | None = None,
        severity: str = EventSeverity.WARNING,
    ) -> None:
        """Count an event. Each cause is written at most every REPEAT_INTERVAL_S, with its count and its last text."""
        line, camera = self._bounded(line, camera)
        text = without_secrets(text)
        cause = self._cause(EventSource(line, camera, kind), text)
        if earlier := self._pending.get(cause):
            self._pending[cause] = replace(earlier, count=earlier.count + 1, text=_event_text(cause, text))
            return
        self._causes[cause.source] += cause not in self._published_s
        text = _event_text(cause, text)
        self._pending[cause] = Event(uuid.uuid4().hex, line, camera, kind, severity, text, utc_now())
        log.warning("%s %s/%s: %s", kind, line, camera or "-", text, extra={"line": line, "camera": camera})

    def _cause(self, source: EventSource, text: str) -> EventCause:
        """Return the cause that a text names. A sender can invent no more than MAX_CAUSES; others share one."""
        cause = EventCause(source, PART_NUMBER.sub("#", text[:MAX_TEXT]))
        is_known = cause in self._pending or cause in self._published_s
        return cause if is_known or self._causes[source] < MAX_CAUSES else EventCause(source, None)

    def _bounded(self, line: str, camera: str | None) -> tuple[str, str | None]:
        """Return line and camera of an event. Names without an entry of their own share the events of their line."""
        if line == NO_LINE:
            return line, camera
        if self.names.line(line) == OTHERS:
            return NO_LINE, None
        return line, camera if camera is None or self.names.place(line, camera).is_own else None

    async def run(self) -> None:
        """Write due events until cancelled, then all that are left."""
        try:
            await asyncio.gather(self._repeat(self._publish_due), self._repeat(self._store))
        finally:
            self._published_s.clear()
            await self.flush()

    async def flush(self) -> None:
        """Publish every event that is due, then store what is published. Storing waits while the ledger is away."""
        await self._publish_due()
        await self._store()

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            await step()

    async def _publish_due(self) -> None:
        now_s = time.monotonic()
        self._published_s = {key: at_s for key, at_s in self._published_s.items() if now_s - at_s < REPEAT_INTERVAL_S}
        for key in [key for key in self._pending if key not in self._published_s]:
            self._published_s[key] = now_s
            event = self._pending.pop(key)
            self._unstored.append(event)
            await self._publish(event)
        self._causes = Counter(cause.source for cause in self._pending.keys() | self._published_s.keys())

    async def _store(self) -> None:
        if not (unstored := list(self._unstored)):
            return
        try:
            await self._ledger.add_events(unstored)
        except LedgerError as error:
            log.warning("%d event(s) are not stored yet: %s", len(unstored), error)
            return
        stored = {event.event_id for event in unstored}
        waiting = [event for event in self._unstored if event.event_id not in stored]
        self._unstored = deque(waiting, MAX_UNSTORED_EVENTS)

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
            log.warning("event %s is not published: %s", event.kind, error)


def _event_text(cause: EventCause, text: str) -> str:
    text = f"further causes, the last: {text}" if cause.text is None else text
    return text[:MAX_TEXT]
