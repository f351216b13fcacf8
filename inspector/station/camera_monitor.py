"""Cameras of one station: which are seen, which are online, and which sequence numbers never arrived."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from inspector.domain.reconciliation import Gap
from inspector.domain.sequence import LOST_AFTER_S, SequenceTracker, Span, spans
from inspector.errors import LedgerError
from inspector.messages.outgoing import EventSeverity
from inspector.ports.ledger import CameraActivity, CameraStore
from inspector.station.event_log import EventLog
from inspector.station.part_states import StateListener, ignore_state, lost
from inspector.utc import utc_now

log = logging.getLogger(__name__)

UNWRITTEN_TIME: Final = timedelta(minutes=1)  # parts decided after the previous run last wrote its camera activity


class MissingSpan(NamedTuple):
    """Sequence numbers that did not arrive. The ledger may know that a previous run decided them."""

    line: str
    camera: str
    span: Span
    at: datetime


class CameraMonitor:
    """Tracks cameras and their sequence numbers. Not thread-safe: call it on the station's event loop."""

    def __init__(
        self, ledger: CameraStore, events: EventLog, interval_s: float = 1.0, *, notify: StateListener = ignore_state
    ) -> None:
        self._ledger = ledger
        self._events = events
        self._interval_s = interval_s
        self._notify = notify
        self._activity: dict[tuple[str, str], CameraActivity] = {}
        self._sequences: dict[tuple[str, str], SequenceTracker] = {}
        self._resumed_from: dict[tuple[str, str], datetime] = {}
        self._missing: list[MissingSpan] = []
        self._began = utc_now()

    async def restore(self) -> None:
        """Continue the sequence numbers where a previous run of this station stopped. Raises LedgerError."""
        for row in await self._ledger.cameras():
            self._sequences[row.line, row.camera] = SequenceTracker(row.last_seq)
            self._resumed_from[row.line, row.camera] = row.last_seen - UNWRITTEN_TIME

    def add_frame(self, line: str, camera: str, *, known: bool, seq: int | None = None) -> None:
        """Count a frame; `known`: a pipeline wants this camera."""
        self._add(line, camera, known=known, frames=1)
        if seq is not None:
            self._sequences.setdefault((line, camera), SequenceTracker()).add(seq, time.monotonic())

    def set_status(self, line: str, camera: str, status: str, *, known: bool) -> None:
        """Note that a camera says online or offline."""
        self._add(line, camera, known=known, status=status)

    async def run(self) -> None:
        """Look for losses and write activity until cancelled, then once more."""
        try:
            while True:
                await asyncio.sleep(self._interval_s)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Record frames that count as lost now, then store all activity. Both wait while the ledger is away."""
        self._find_missing()
        await self._record_losses()
        await self._store_activity()

    def _add(
        self,
        line: str,
        camera: str,
        *,
        known: bool,
        frames: int = 0,
        gaps: tuple[Gap, ...] = (),
        status: str | None = None,
    ) -> None:
        earlier = self._activity.get((line, camera)) or CameraActivity(line, camera, utc_now(), known)
        self._activity[line, camera] = replace(
            earlier,
            at=utc_now(),
            known=known,
            frames=earlier.frames + frames,
            gaps=earlier.gaps + gaps,
            status=status or earlier.status,
        )

    def _find_missing(self) -> None:
        now_s, opened_at = time.monotonic(), utc_now() - timedelta(seconds=LOST_AFTER_S)
        for (line, camera), sequence in self._sequences.items():
            self._missing += [MissingSpan(line, camera, span, opened_at) for span in spans(sequence.take_lost(now_s))]

    async def _record_losses(self) -> None:
        while self._missing:
            missing = self._missing[0]
            try:
                decided = await self._decided(missing)
            except LedgerError as error:
                log.warning("%d gap(s) wait: %s", len(self._missing), error)
                return
            self._missing.pop(0)
            for span in spans(set(range(missing.span.first, missing.span.last + 1)) - decided):
                self._record_loss(missing.line, missing.camera, Gap(*span, missing.at))

    async def _decided(self, missing: MissingSpan) -> set[int]:
        since = self._resumed_from.get((missing.line, missing.camera), self._began)
        return await self._ledger.decided_seqs(missing.line, missing.camera, *missing.span, since)

    def _record_loss(self, line: str, camera: str, gap: Gap) -> None:
        self._add(line, camera, known=True, gaps=(gap,))
        self._notify(lost(line, camera, gap))
        self._events.add(
            "SEQUENCE_GAP",
            f"{gap.frames} frame(s) never arrived, seq {gap.first} to {gap.last}; check the camera's connection and "
            "the broker's queue limits",
            line=line,
            camera=camera,
            severity=EventSeverity.ALARM,
        )

    async def _store_activity(self) -> None:
        activity, self._activity = self._activity, {}
        if not activity:
            return
        try:
            await self._ledger.add_camera_activity([self._with_seq(each) for each in activity.values()])
        except LedgerError as error:
            log.warning("activity of %d camera(s) waits: %s", len(activity), error)
            self._activity = activity | self._activity

    def _with_seq(self, activity: CameraActivity) -> CameraActivity:
        sequence = self._sequences.get((activity.line, activity.camera))
        return replace(activity, last_seq=sequence.settled if sequence else None)
