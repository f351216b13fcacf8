"""What a station sees beside the parts: cameras that come and go, frames that never came, messages it can't read.

Everything is counted in memory and written once a second; an event that repeats is told once with its count.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import replace
from typing import Final

from inspector.errors import BrokerError, LedgerError
from inspector.ports import Event, Ledger, Publisher, Sighting, utc_now
from inspector.sequence import Sequence
from inspector.wire import EventMessage, EventSeverity, Topics, to_json

log = logging.getLogger(__name__)

QUIET_S: Final = 10.0  # the same event is told at most this often
NOBODY: Final = "service"  # the line of events that belong to no line


class Watch:
    """One station's lookout. Not thread-safe: call it on the station's event loop."""

    def __init__(self, ledger: Ledger, publisher: Publisher, topics: Topics, every_s: float = 1.0) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._topics = topics
        self._every_s = every_s
        self._sightings: dict[tuple[str, str], Sighting] = {}
        self._sequences: dict[tuple[str, str], Sequence] = {}
        self._events: dict[tuple[str, str | None, str], Event] = {}
        self._told: dict[tuple[str, str | None, str], float] = {}

    async def remember(self) -> None:
        """Takes up the sequence numbers where an earlier life of this station left them."""
        for row in await self._ledger.cameras():
            self._sequences[row.line, row.camera] = Sequence(row.last_seq)

    def saw_frame(self, line: str, camera: str, *, known: bool, seq: int | None = None) -> None:
        self._sight(line, camera, known=known, frames=1)
        if seq is not None:
            self._sequences.setdefault((line, camera), Sequence()).saw(seq, time.monotonic())

    def saw_status(self, line: str, camera: str, status: str, *, known: bool) -> None:
        self._sight(line, camera, known=known, status=status)

    def note(
        self,
        kind: str,
        text: str,
        *,
        line: str = NOBODY,
        camera: str | None = None,
        severity: str = EventSeverity.WARNING,
    ) -> None:
        """Counts an event; it is stored and published at most every QUIET_S seconds per line, camera and kind."""
        key = (line, camera, kind)
        earlier = self._events.get(key)
        if earlier:
            self._events[key] = replace(earlier, count=earlier.count + 1, text=text)
            return
        self._events[key] = Event(uuid.uuid4().hex, line, camera, kind, severity, text[:500], utc_now())
        log.warning("%s %s/%s: %s", kind, line, camera or "-", text[:500])

    async def run(self) -> None:
        """Writes what was seen until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(self._every_s)
                await self.flush()
        finally:
            self._told.clear()
            await self.flush()

    async def flush(self) -> None:
        self._count_lost()
        await self._store_sightings()
        await self._tell_events()

    def _sight(
        self, line: str, camera: str, *, known: bool, frames: int = 0, lost: int = 0, status: str | None = None
    ) -> None:
        seen = self._sightings.get((line, camera)) or Sighting(line, camera, utc_now(), known)
        self._sightings[line, camera] = replace(
            seen,
            at=utc_now(),
            known=known,
            frames=seen.frames + frames,
            lost=seen.lost + lost,
            status=status or seen.status,
        )

    def _count_lost(self) -> None:
        now = time.monotonic()
        for (line, camera), sequence in self._sequences.items():
            if gone := sequence.lost(now):
                self._sight(line, camera, known=True, lost=len(gone))
                self.note(
                    "SEQUENCE_GAP",
                    f"{len(gone)} frame(s) never came, seq {gone[0]} to {gone[-1]}; check the camera's "
                    "connection and the broker's queue limits",
                    line=line,
                    camera=camera,
                    severity=EventSeverity.ALARM,
                )

    async def _store_sightings(self) -> None:
        seen, self._sightings = self._sightings, {}
        if not seen:
            return
        try:
            await self._ledger.saw_camera([self._with_seq(sighting) for sighting in seen.values()])
        except LedgerError as error:
            log.warning("sightings of %d camera(s) wait: %s", len(seen), error)
            self._sightings = seen | self._sightings

    def _with_seq(self, sighting: Sighting) -> Sighting:
        sequence = self._sequences.get((sighting.line, sighting.camera))
        return replace(sighting, last_seq=sequence.last if sequence else None)

    async def _tell_events(self) -> None:
        now = time.monotonic()
        due = {key: event for key, event in self._events.items() if now - self._told.get(key, -QUIET_S) >= QUIET_S}
        if not due:
            return
        try:
            await self._ledger.add_events(list(due.values()))
        except LedgerError as error:
            log.warning("%d event(s) wait: %s", len(due), error)
            return
        for key, event in due.items():
            self._told[key] = now
            del self._events[key]
            await self._publish(event)

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
