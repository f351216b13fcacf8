"""What a station sees beside the parts: cameras that come and go, frames that never came, messages it can't read.

Everything is counted in memory and written once a second; an event that repeats is told once with its count.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from inspector.domain.reconciliation import Gap
from inspector.domain.sequence import LOST_AFTER_S, SequenceTracker, Span, spans
from inspector.errors import BrokerError, LedgerError
from inspector.messages.outgoing import EventMessage, EventSeverity, VerdictMessage, to_json
from inspector.messages.topics import Topics
from inspector.ports.broker import Publisher
from inspector.ports.ledger import CameraActivity, Event, Ledger
from inspector.station.part_states import Tell, lost, nobody
from inspector.utc import utc_now

log = logging.getLogger(__name__)

QUIET_S: Final = 10.0  # the same event is told at most this often
NOBODY: Final = "service"  # the line of events that belong to no line
OVERLAP: Final = timedelta(minutes=1)  # what an earlier life decided after it last wrote down what it had seen


class Missing(NamedTuple):
    """Numbers that did not come; the ledger has to say whether an earlier life decided them."""

    line: str
    camera: str
    span: Span
    at: datetime


class Watch:
    """One station's lookout. Not thread-safe: call it on the station's event loop."""

    def __init__(
        self, ledger: Ledger, publisher: Publisher, topics: Topics, every_s: float = 1.0, *, tell: Tell = nobody
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._topics = topics
        self._every_s = every_s
        self._tell = tell
        self._sightings: dict[tuple[str, str], CameraActivity] = {}
        self._sequences: dict[tuple[str, str], SequenceTracker] = {}
        self._remembered: dict[tuple[str, str], datetime] = {}
        self._missing: list[Missing] = []
        self._began = utc_now()
        self._events: dict[tuple[str, str | None, str], Event] = {}
        self._told: dict[tuple[str, str | None, str], float] = {}

    async def remember(self) -> None:
        """Takes up the sequence numbers where an earlier life of this station left them."""
        for row in await self._ledger.cameras():
            self._sequences[row.line, row.camera] = SequenceTracker(row.last_seq)
            self._remembered[row.line, row.camera] = row.last_seen - OVERLAP

    def saw_frame(self, line: str, camera: str, *, known: bool, seq: int | None = None) -> None:
        self._sight(line, camera, known=known, frames=1)
        if seq is not None:
            self._sequences.setdefault((line, camera), SequenceTracker()).add(seq, time.monotonic())

    def saw_status(self, line: str, camera: str, status: str, *, known: bool) -> None:
        self._sight(line, camera, known=known, status=status)

    def note_withdrawn(self, verdict: VerdictMessage) -> None:
        """A PASS was not told in time."""
        said = f"{verdict.trigger_id}: its PASS could not be published in time; told {verdict.disposition}"
        self.note("PASS_WITHDRAWN", said, line=verdict.line, camera=verdict.camera)

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
        place = {"line": line, "camera": camera}
        log.warning("%s %s/%s: %s", kind, line, camera or "-", text[:500], extra=place)

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
        self._find_missing()
        await self._count_lost()
        await self._store_sightings()
        await self._tell_events()

    def _sight(
        self,
        line: str,
        camera: str,
        *,
        known: bool,
        frames: int = 0,
        gaps: tuple[Gap, ...] = (),
        status: str | None = None,
    ) -> None:
        seen = self._sightings.get((line, camera)) or CameraActivity(line, camera, utc_now(), known)
        self._sightings[line, camera] = replace(
            seen,
            at=utc_now(),
            known=known,
            frames=seen.frames + frames,
            gaps=seen.gaps + gaps,
            status=status or seen.status,
        )

    def _find_missing(self) -> None:
        now, opened_at = time.monotonic(), utc_now() - timedelta(seconds=LOST_AFTER_S)
        for (line, camera), sequence in self._sequences.items():
            self._missing += [Missing(line, camera, span, opened_at) for span in spans(sequence.take_lost(now))]

    async def _count_lost(self) -> None:
        """Gives up what is missing and not decided. Waits with that while the ledger is away."""
        while self._missing:
            missing = self._missing[0]
            try:
                decided = await self._decided(missing)
            except LedgerError as error:
                log.warning("%d gap(s) wait: %s", len(self._missing), error)
                return
            self._missing.pop(0)
            for span in spans(set(range(missing.span.first, missing.span.last + 1)) - decided):
                self._lose(missing.line, missing.camera, Gap(*span, missing.at))

    async def _decided(self, missing: Missing) -> set[int]:
        since = self._remembered.get((missing.line, missing.camera), self._began)
        return await self._ledger.decided_seqs(missing.line, missing.camera, *missing.span, since)

    def _lose(self, line: str, camera: str, gap: Gap) -> None:
        self._sight(line, camera, known=True, gaps=(gap,))
        self._tell(lost(line, camera, gap))
        self.note(
            "SEQUENCE_GAP",
            f"{gap.frames} frame(s) never came, seq {gap.first} to {gap.last}; check the camera's "
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
            await self._ledger.add_camera_activity([self._with_seq(sighting) for sighting in seen.values()])
        except LedgerError as error:
            log.warning("sightings of %d camera(s) wait: %s", len(seen), error)
            self._sightings = seen | self._sightings

    def _with_seq(self, sighting: CameraActivity) -> CameraActivity:
        sequence = self._sequences.get((sighting.line, sighting.camera))
        return replace(sighting, last_seq=sequence.settled if sequence else None)

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
