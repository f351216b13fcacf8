"""Cameras of one station: which are seen, which are online, and which sequence numbers never arrived."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final

from inspector.domain.frame import Frame
from inspector.domain.pipeline import Quality
from inspector.domain.quality import Measurements
from inspector.domain.reconciliation import Gap
from inspector.errors import LedgerError
from inspector.messages.outgoing import EventSeverity
from inspector.ports.ledger import CameraActivity, CameraStore
from inspector.station.camera_minutes import CameraMinutes
from inspector.station.camera_names import OTHERS
from inspector.station.event_log import EventLog
from inspector.station.frame_counters import FrameCounters
from inspector.station.part_states import StateListener, ignore_state, lost
from inspector.station.picture_drift import PictureDrift
from inspector.utc import utc_now

log = logging.getLogger(__name__)

MAX_REPORTED_CAMERAS: Final = 1_000  # whose stored copies raise an event; those of further cameras are only counted


class CameraMonitor:
    """Tracks cameras and their sequence numbers. Not thread-safe: call it on the station's event loop."""

    def __init__(
        self, ledger: CameraStore, events: EventLog, interval_s: float = 1.0, *, notify: StateListener = ignore_state
    ) -> None:
        self._ledger = ledger
        self._events = events
        self._names = events.names
        self._interval_s = interval_s
        self._notify = notify
        self._activity: dict[tuple[str, str], CameraActivity] = {}
        self._counters = FrameCounters(ledger, events)
        self._minutes = CameraMinutes(ledger, on_stored=PictureDrift(events).add)
        self._retaining: set[tuple[str, str]] = set()

    async def restore(self) -> None:
        """Continue the counters where a previous run of this station stopped. Raises LedgerError."""
        rows = self._names.restore(await self._ledger.cameras())
        self._counters.restore(rows, await self._ledger.newest_runs())

    def add_frame(self, frame: Frame, *, known: bool) -> None:
        """Count a frame; `known`: a pipeline wants this camera."""
        line, camera, _ = frame.key
        self._add(line, camera, known=known, frames=1)
        self._minutes.add_frame(*self._names.place(line, camera), frame)

    def add_undeclared(self, line: str, frames: int) -> None:
        """Count frames of undeclared cameras of this line that nobody read."""
        self._add(line, OTHERS, known=False, frames=frames)

    def add_measured(self, frame: Frame, picture: Measurements | None, rules: Quality) -> None:
        """Note the measurements of a frame's picture; None where it could not be measured."""
        if picture is not None:
            self._minutes.add_measured(*self._names.place(*frame.key[:2]), picture, rules)

    def add_resent(self, line: str, camera: str) -> None:
        """Count a frame that came before."""
        self._add(line, camera, known=True, resent=1)

    def add_retained(self, line: str, camera: str, channel: str, *, known: bool) -> None:
        """Count a stored copy of a message. The first one of each camera is an event."""
        self._add(line, camera, known=known, retained=1)
        if (line, camera) in self._retaining or len(self._retaining) >= MAX_REPORTED_CAMERAS:
            return
        self._retaining.add((line, camera))
        text = f"stored copies of {channel} messages arrive and are never answered; publish without the retain flag"
        self._events.add("RETAINED_FRAME", text, line=line, camera=camera)

    def run_of(self, frame: Frame) -> int | None:
        """Return the run of its camera's counter that a new frame belongs to.

        None without a number, and for a camera that shares its entry with others.
        """
        if not self._names.place(frame.key.line, frame.key.camera).is_own:
            return None
        return self._counters.add(frame)

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
            await self.flush(ended=True)

    async def flush(self, *, ended: bool = False) -> None:
        """Record frames that count as lost now, then store all activity. Both wait while the ledger is away.

        `ended`: the station stops, and the current minute is stored too.
        """
        await self._record_losses()
        await self._store_activity()
        try:
            await self._minutes.flush(all_of_them=ended)
        except LedgerError as error:
            log.warning("minutes of cameras wait: %s", error)

    def _add(
        self,
        line: str,
        camera: str,
        *,
        known: bool,
        frames: int = 0,
        gaps: tuple[Gap, ...] = (),
        status: str | None = None,
        resent: int = 0,
        retained: int = 0,
    ) -> None:
        place = self._names.place(line, camera)
        earlier = self._activity.get(place) or CameraActivity(*place, utc_now(), known)
        self._activity[place] = replace(
            earlier,
            at=utc_now(),
            known=known and place.is_own,
            frames=earlier.frames + frames,
            gaps=earlier.gaps + gaps,
            status=status or earlier.status,
            resent=earlier.resent + resent,
            retained=earlier.retained + retained,
        )

    async def _record_losses(self) -> None:
        try:
            lost_frames = await self._counters.take_lost()
        except LedgerError as error:
            log.warning("lost frames wait: %s", error)
            return
        for each in lost_frames:
            self._record_loss(*each)

    def _record_loss(self, line: str, camera: str, gap: Gap) -> None:
        self._add(line, camera, known=True, gaps=(gap,))
        self._minutes.add_lost(*self._names.place(line, camera), gap.frames)
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
        run, last_seq = self._counters.resume_at(activity.line, activity.camera) or (None, None)
        return replace(activity, run=run, last_seq=last_seq)
