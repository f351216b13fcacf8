"""One frame in, one record out: `Station.inspect` tells the whole story.

Every part ends in exactly one record whatever fails, and doubt never becomes PASS.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from dataclasses import replace
from typing import Final

from inspector.domain.decision import Reason, fail_safe
from inspector.domain.frame import Frame, FrameKey
from inspector.domain.part import PartRecord
from inspector.domain.pipeline import line_fingerprint
from inspector.domain.reconciliation import Ack, TriggerCount
from inspector.errors import LedgerError
from inspector.log_context import set_current_part
from inspector.ports.ledger import PartStore, PipelineVersion
from inspector.station.camera_monitor import CameraMonitor
from inspector.station.deadlines import Deadline, Deadlines
from inspector.station.event_log import NO_LINE, EventLog
from inspector.station.examiner import Examiner
from inspector.station.findings import Findings, deadline_ms, part_record
from inspector.station.gate_feedback import GateFeedback
from inspector.station.outbox import Outbox
from inspector.station.part_states import StateListener, ignore_state, received
from inspector.station.recorder import Recorder
from inspector.station.safe_mode import WITHOUT_PICTURE, SafeMode
from inspector.utc import utc_now

REMEMBERED_FRAMES: Final = 10_000  # keys of decided frames, to recognise repeats without asking the ledger


class Station:
    """ports.MessageReceiver: inspects the frames of a set of lines."""

    def __init__(
        self,
        examiner: Examiner,
        recorder: Recorder,
        safe_mode: SafeMode,
        ledger: PartStore,
        outbox: Outbox,
        events: EventLog,
        cameras: CameraMonitor,
        gate: GateFeedback,
        *,
        notify: StateListener = ignore_state,
    ) -> None:
        self._examiner = examiner
        self._recorder = recorder
        self._safe_mode = safe_mode
        self._ledger = ledger
        self._outbox = outbox
        self._events = events
        self._cameras = cameras
        self._gate = gate
        self._notify = notify
        self._deadlines = Deadlines(utc_now(), time.monotonic())
        self._lines: dict[str, PipelineVersion] = {}
        self._model_fingerprint = ""
        self._fingerprints: dict[tuple[str, int, str], str] = {}
        self._in_flight: dict[FrameKey, asyncio.Event] = {}
        self._decided: OrderedDict[FrameKey, None] = OrderedDict()

    async def inspect(self, frame: Frame) -> None:
        """Inspect one frame. When this returns, its message may be acknowledged."""
        line = self._line_of(frame)
        if line is None:
            return
        frame = self._with_run(frame)
        async with FrameLock(self._in_flight, frame.key):
            set_current_part(frame.key, frame.traceparent)
            if await self._safe_mode.record(frame) or await self._is_answered(frame):
                return
            frame = self._of_line(frame, line)
            self._notify(received(frame))
            due = self._deadlines.deadline(frame, deadline_ms(frame, line.pipeline))
            frame = await self._examiner.fetch(frame, due)
            findings = await self._examiner.examine(frame, line, due)
            part = self._record_of(frame, line, findings, due)
            stored = await self._recorder.record(part, frame, line.pipeline, due, findings.words, findings.shadow)
            self._remember(frame.key)
            if not stored:
                await self._answer_again(frame)

    async def answer(self, frame: Frame) -> None:
        """Answer a frame that comes without its picture because the ledger is away. The frame comes again."""
        line = self._line_of(frame)
        if line is None or frame.key in self._in_flight:
            return
        set_current_part(frame.key, frame.traceparent)
        self._notify(received(frame))
        due = self._deadlines.deadline(frame, deadline_ms(frame, line.pipeline))
        findings = Findings(fail_safe(line.pipeline.fail_safe, Reason.SAFE_MODE, WITHOUT_PICTURE))
        self._safe_mode.answer(self._record_of(frame, line, findings, due), frame, line.pipeline, due)

    @property
    def answers_without_pictures(self) -> bool:
        """Whether frames beyond the window go to `answer` now. Other threads may ask."""
        return self._safe_mode.is_active

    def follow(self, lines: list[PipelineVersion]) -> list[str]:
        """Work by these pipeline versions from now on; return the lines that changed."""
        newest = {version.pipeline.line: version for version in lines}
        changed = [name for name in newest.keys() | self._lines.keys() if newest.get(name) != self._lines.get(name)]
        self._lines = newest
        self._events.names.declare({name: version.pipeline.cameras for name, version in newest.items()})
        return sorted(changed)

    def on_status(self, line: str, camera: str, status: str) -> None:
        self._cameras.set_status(line, camera, status, known=self._wants(line, camera))

    async def on_ack(self, ack: Ack) -> None:
        await self._gate.on_ack(ack)

    async def on_count(self, count: TriggerCount) -> None:
        await self._gate.on_count(count)

    def report_fault(self, kind: str, text: str, line: str | None = None, camera: str | None = None) -> None:
        self._events.add(kind, text, line=line or NO_LINE, camera=camera)

    @property
    def in_flight(self) -> int:
        """The number of frames received and not yet decided."""
        return len(self._in_flight)

    async def run(self) -> None:
        """Record answered parts whose frames do not come again, until cancelled."""
        await self._safe_mode.run()

    async def recover(self) -> None:
        """Close reports left pending by a previous run."""
        await self._recorder.close_unfinished(list(self._lines))

    async def close(self, timeout_s: float = 10.0) -> None:
        """Wait for reports that are still being written."""
        await self._recorder.close(timeout_s)

    def _wants(self, line: str, camera: str) -> bool:
        version = self._lines.get(line)
        return version is not None and (not version.pipeline.cameras or camera in version.pipeline.cameras)

    def _line_of(self, frame: Frame) -> PipelineVersion | None:
        """Return the line that declares this camera. An unknown camera's frame is counted and never judged."""
        line, camera = frame.key.line, frame.key.camera
        known = self._wants(line, camera)
        self._cameras.add_frame(line, camera, known=known)
        if known:
            for kind, text in self._deadlines.add(frame) if self._events.names.place(line, camera).is_own else ():
                self._events.add(kind, text, line=line, camera=camera)
            return self._lines[line]
        what = "camera" if line in self._lines else "line"
        text = f"frames arrive from an unknown {what}; to connect it, declare it in a pipeline and apply that"
        self._events.add(f"UNKNOWN_{what.upper()}", text, line=line, camera=camera)
        return None

    def _of_line(self, frame: Frame, line: PipelineVersion) -> Frame:
        """Return the frame, with a fault where it declares another product than the line judges."""
        if line.pipeline.accepts_product(frame.product):
            return frame
        text = f"product {frame.product!r} is not the line's ({line.pipeline.product})"
        remedy = "change over the line, or list the name under products in its pipeline"
        self._events.add("PRODUCT_MISMATCH", f"{text}; {remedy}", line=frame.key.line, camera=frame.key.camera)
        return replace(frame, fault=frame.fault or text)

    def _with_run(self, frame: Frame) -> Frame:
        """Number the run of the camera's counter. A repeat has its number already."""
        is_repeat = frame.key in self._decided or frame.key in self._in_flight
        return frame if is_repeat else replace(frame, run=self._cameras.run_of(frame))

    def _record_of(self, frame: Frame, line: PipelineVersion, findings: Findings, due: Deadline) -> PartRecord:
        if frame.payload and findings.evidence is None:
            self.report_fault("EVIDENCE_LOST", findings.decision.detail, frame.key.line, frame.key.camera)
        self._model_fingerprint = findings.judgement.model_fingerprint or self._model_fingerprint
        fingerprint = findings.judgement.fingerprint or self._unasked_fingerprint(line)
        return part_record(
            frame, line, findings, due, time.monotonic(), result_id=uuid.uuid4().hex, fingerprint=fingerprint
        )

    async def _is_answered(self, frame: Frame) -> bool:
        """Return whether this frame was decided before.

        The ledger is asked only where that is likely. Any other decided frame is refused when it is recorded, so a
        wrong guess costs work, never a second decision.
        """
        likely = frame.redelivered or frame.key in self._decided
        return likely and await self._answer_again(frame)

    async def _answer_again(self, frame: Frame) -> bool:
        """Publish the stored verdict again; return False if the frame is not decided.

        A redelivery by the broker gets no second answer: its verdict is published or waits in the outbox.
        """
        try:
            stored = await self._ledger.find(frame.key)
        except LedgerError:
            return False
        if stored is None:
            return False
        if stored.verdict is not None and not frame.redelivered:
            self._outbox.repeat(stored.verdict)
        return True

    def _remember(self, key: FrameKey) -> None:
        self._decided[key] = None
        if len(self._decided) > REMEMBERED_FRAMES:
            self._decided.popitem(last=False)

    def _unasked_fingerprint(self, line: PipelineVersion) -> str:
        """Return the fingerprint of a part that no model was asked about: with the model that answered last."""
        key = (line.pipeline.line, line.version, self._model_fingerprint)
        if key not in self._fingerprints:
            settings = line.pipeline.settings_fingerprint()
            self._fingerprints[key] = line_fingerprint(settings, self._model_fingerprint, line.golden)
        return self._fingerprints[key]


class FrameLock:
    """Async context: one task at a time works on a frame key; a copy of the frame waits for the first."""

    def __init__(self, in_flight: dict[FrameKey, asyncio.Event], key: FrameKey) -> None:
        self._in_flight = in_flight
        self._key = key

    async def __aenter__(self) -> None:
        while other := self._in_flight.get(self._key):
            await other.wait()
        self._in_flight[self._key] = asyncio.Event()

    async def __aexit__(self, *exc: object) -> None:
        self._in_flight.pop(self._key).set()
