"""The counters of one station's cameras: the run of each frame, and the numbers that never arrived."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Final, NamedTuple

from inspector.domain.counter_run import Arrival
from inspector.domain.frame import Frame
from inspector.domain.reconciliation import Gap
from inspector.domain.sequence import CameraSequence, CounterChange, LostSpan, Placement, RunStart
from inspector.domain.spans import absent, merged
from inspector.messages.outgoing import EventSeverity
from inspector.ports.ledger import CameraRow, CameraStore, NewestRun
from inspector.station.event_log import EventLog
from inspector.utc import utc_now

MAX_WAITING_SPANS: Final = 1_000  # while the ledger is away; the others stay with their cameras
FIRST_RUN: Final = 1
CHANGE_TEXTS: Final = {
    CounterChange.RESTARTED: "seq went from {previous} back to {seq}: the counter began again. Frames that were lost "
    "before that, after {previous}, do not show in seq",
    CounterChange.JUMPED: "seq went from {previous} to {seq}, more than the camera can have counted in that time; the "
    "numbers between are not booked as lost. Check what writes seq",
}


class CameraKey(NamedTuple):
    line: str
    camera: str


class LostFrames(NamedTuple):
    """Numbers of one camera that never arrived and were not decided."""

    line: str
    camera: str
    gap: Gap


class FrameCounters:
    """Follows `seq` of every camera. Bounded in memory for each camera, whatever it sends."""

    def __init__(self, ledger: CameraStore, events: EventLog) -> None:
        self._ledger = ledger
        self._events = events
        self._sequences: dict[CameraKey, CameraSequence] = {}
        self._waiting: dict[tuple[CameraKey, int], list[LostSpan]] = defaultdict(list)

    def restore(self, cameras: Iterable[CameraRow], newest: Iterable[NewestRun]) -> None:
        """Continue the runs where an earlier process stopped.

        The ledger may hold parts of a run that the process had not noted down.
        """
        runs = {CameraKey(run.line, run.camera): run for run in newest}
        for row in cameras:
            key = CameraKey(row.line, row.camera)
            if start := _run_start(row, runs.get(key)):
                self._sequences[key] = CameraSequence(start, runs[key].newest if key in runs else 0)

    def add(self, frame: Frame) -> int | None:
        """Return the run that the frame's number belongs to; None without a number."""
        if frame.seq is None:
            return None
        key = CameraKey(frame.key.line, frame.key.camera)
        placed = self._sequences.setdefault(key, CameraSequence()).add(_arrival(frame, frame.seq))
        self._report(key, frame, placed)
        return placed.run

    def resume_at(self, line: str, camera: str) -> tuple[int, int] | None:
        """Return the camera's run, and the number up to which it is settled."""
        sequence = self._sequences.get(CameraKey(line, camera))
        return sequence.resume_at if sequence else None

    async def take_lost(self) -> list[LostFrames]:
        """Return the frames that count as lost now, each once. Raises LedgerError; the next call then continues.

        The ledger is asked first: an earlier process may have decided them.
        """
        self._collect()
        lost: list[LostFrames] = []
        while self._waiting:
            key, run = next(iter(self._waiting))
            lost += await self._undecided(key, run)
            del self._waiting[key, run]
        return lost

    def _collect(self) -> None:
        now_s, waiting = time.monotonic(), sum(map(len, self._waiting.values()))
        for key, sequence in self._sequences.items():
            if waiting >= MAX_WAITING_SPANS:
                return
            lost = sequence.take_lost(now_s)
            waiting += len(lost)
            for span in lost:
                self._waiting[key, span.run].append(span)

    async def _undecided(self, key: CameraKey, run: int) -> list[LostFrames]:
        missing = self._waiting[key, run]
        spans = merged(each.span for each in missing)
        decided = await self._ledger.decided_seqs(*key, run, spans[0].first, spans[-1].last)
        at = utc_now() - timedelta(seconds=time.monotonic() - min(each.since_s for each in missing))
        return [LostFrames(*key, Gap(*rest, at, run)) for span in spans for rest in absent(span, decided)]

    def _report(self, key: CameraKey, frame: Frame, placed: Placement) -> None:
        if placed.change not in CHANGE_TEXTS:
            return
        text = CHANGE_TEXTS[placed.change].format(previous=placed.previous, seq=frame.seq)
        severity = EventSeverity.WARNING
        self._events.add(f"COUNTER_{placed.change}", text, line=key.line, camera=key.camera, severity=severity)


def _run_start(row: CameraRow, newest: NewestRun | None) -> RunStart | None:
    """Return where the camera's run stands, by what was noted down and by the newest parts."""
    seen = (time.monotonic() - (utc_now() - row.last_seen).total_seconds(), row.last_seen.timestamp())
    if newest is not None and newest.run != row.run:
        return RunStart(newest.run, newest.first - 1, *seen)
    return None if row.last_seq is None else RunStart(row.run or FIRST_RUN, row.last_seq, *seen)


def _arrival(frame: Frame, seq: int) -> Arrival:
    captured_at = frame.captured_at
    return Arrival(
        seq,
        frame.received_s,
        captured_at.timestamp() if captured_at else None,
        (frame.received_at - captured_at).total_seconds() if captured_at else 0.0,
        frame.lot,
        frame.redelivered,
    )
