"""One frame in, one record out: `Station.inspect` tells the whole story.

Every part ends in exactly one record whatever fails, and doubt never becomes PASS.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from inspector.domain.cameras import Region
from inspector.domain.decision import Reason, fail_safe
from inspector.domain.frame import Frame
from inspector.domain.part import PartRecord
from inspector.domain.part_identity import PartIdentity, identity_of, labelled_value
from inspector.domain.pipeline import line_fingerprint
from inspector.domain.reconciliation import Ack, TriggerCount
from inspector.messages.withdrawal import AMBIGUOUS_DETAIL
from inspector.ports.ledger import PipelineVersion
from inspector.runtime.log_context import set_current_part
from inspector.runtime.tracing import Attribute, current_span, span
from inspector.station.camera_monitor import CameraMonitor
from inspector.station.deadlines import Deadline, Deadlines
from inspector.station.event_log import NO_LINE, EventLog
from inspector.station.examiner import Examiner
from inspector.station.findings import Findings, deadline_ms, frame_of, part_record
from inspector.station.gate_feedback import GateFeedback
from inspector.station.known_parts import KnownParts, unambiguous
from inspector.station.open_triggers import OpenTrigger
from inspector.station.part_states import StateListener, ignore_state, received
from inspector.station.recorder import Recorder
from inspector.station.safe_mode import WITHOUT_PICTURE, SafeMode
from inspector.station.unqualified_lines import UnqualifiedLines
from inspector.utc import utc_now

FrameListener = Callable[[Frame], None]


def ignore_frame(_: Frame) -> None:
    """Ignore a frame."""


class Station:
    """ports.MessageReceiver: inspects the frames of a set of lines."""

    def __init__(
        self,
        examiner: Examiner,
        recorder: Recorder,
        safe_mode: SafeMode,
        known: KnownParts,
        events: EventLog,
        cameras: CameraMonitor,
        gate: GateFeedback,
        *,
        notify: StateListener = ignore_state,
        on_unknown: FrameListener = ignore_frame,
    ) -> None:
        self._examiner = examiner
        self._recorder = recorder
        self._safe_mode = safe_mode
        self._known = known
        self._events = events
        self._cameras = cameras
        self._gate = gate
        self._notify = notify
        self._on_unknown = on_unknown
        self._unqualified = UnqualifiedLines(events)
        self._deadlines = Deadlines(utc_now(), time.monotonic())
        self._lines: dict[str, PipelineVersion] = {}
        self._model_fingerprint = ""
        self._fingerprints: dict[tuple[str, int, str, Region | None], str] = {}

    async def inspect(self, frame: Frame) -> None:
        """Inspect one frame. When this returns, its message may be acknowledged."""
        line = self._line_of(frame)
        if line is None:
            return
        with span("inspect part", frame.traceparent, **frame.key._asdict()) as traced:
            traceparent = frame.traceparent or traced.traceparent
            await self._inspect(replace(frame, traceparent=traceparent), line)

    async def _inspect(self, frame: Frame, line: PipelineVersion) -> None:
        """Answer a part that was decided before, else judge it."""
        due = self._deadlines.deadline(frame, deadline_ms(frame, line.pipeline))
        identity, frame = await self._identified(frame, line, due)
        frame = self._with_run(frame, identity)
        async with self._known.lock(identity):
            set_current_part(frame.key, frame.traceparent)
            if await self._safe_mode.record(frame, identity) or await self._known.is_answered(frame, identity, line):
                return
            await self._inspect_new(self._of_line(frame, line), identity, line, due)

    async def _inspect_new(self, frame: Frame, identity: PartIdentity, line: PipelineVersion, due: Deadline) -> None:
        """Judge a part that was not decided before, and record it."""
        self._notify(received(frame))
        opened = self._known.open(identity, due)
        frame = await self._examiner.fetch(frame, due)
        findings = await self._examine(frame, line, due, opened)
        self._cameras.add_measured(frame, findings.measured, line.pipeline.quality)
        part = self._record_of(frame, line, findings, due, opened)
        current_span().note(**noted(part))
        recorded = await self._recorder.record(part, frame, line.pipeline, due, findings.words, findings.shadow)
        self._known.add_recorded(part, opened, recorded)
        self._unqualified.add(part)
        if not recorded:
            await self._known.answer_recorded(frame, opened)

    async def answer(self, frame: Frame) -> None:
        """Answer a frame that comes without its picture because the ledger is away. The frame comes again."""
        line = self._line_of(frame)
        if line is None:
            return
        identity = identity_of(frame, line.pipeline.trigger.unique_by)
        waits = self._safe_mode.holds(identity)
        if self._known.is_in_flight(identity) or (self._known.is_decided(identity) and not waits):
            return
        frame = self._with_run(frame, identity)
        set_current_part(frame.key, frame.traceparent)
        self._notify(received(frame))
        due = self._deadlines.deadline(frame, deadline_ms(frame, line.pipeline))
        findings = Findings(fail_safe(line.pipeline.fail_safe, Reason.SAFE_MODE, WITHOUT_PICTURE))
        part = self._record_of(frame, line, findings, due, self._known.open(identity, due))
        self._known.remember(identity)
        await self._safe_mode.answer(part, frame, line.pipeline, due)

    @property
    def answers_without_pictures(self) -> bool:
        """Whether frames beyond the window go to `answer` now. Other threads may ask."""
        return self._safe_mode.is_active

    def follow(self, lines: list[PipelineVersion]) -> list[str]:
        """Work by these pipeline versions from now on; return the lines that changed."""
        newest = {version.pipeline.line: version for version in lines}
        changed = [name for name in newest.keys() | self._lines.keys() if newest.get(name) != self._lines.get(name)]
        self._lines = newest
        self._unqualified.forget(changed)
        self._events.names.declare({name: version.pipeline.named_cameras for name, version in newest.items()})
        return sorted(changed)

    def declares(self, line: str, camera: str) -> bool:
        """Whether a line declares this camera. Other threads may ask."""
        version = self._lines.get(line)
        return version is not None and version.pipeline.accepts_camera(camera)

    def on_undeclared(self, line: str, frames: int) -> None:
        self._cameras.add_undeclared(line, frames)

    def on_status(self, line: str, camera: str, status: str) -> None:
        self._cameras.set_status(line, camera, status, known=self.declares(line, camera))

    def on_retained(self, line: str, camera: str, channel: str) -> None:
        self._cameras.add_retained(line, camera, channel, known=self.declares(line, camera))

    async def on_ack(self, ack: Ack) -> None:
        await self._gate.on_ack(ack)

    async def on_count(self, count: TriggerCount) -> None:
        await self._gate.on_count(count)

    def report_fault(self, kind: str, text: str, line: str | None = None, camera: str | None = None) -> None:
        self._events.add(kind, text, line=line or NO_LINE, camera=camera)

    @property
    def in_flight(self) -> int:
        """The number of frames received and not yet decided."""
        return self._known.in_flight

    async def run(self) -> None:
        """Record answered parts whose frames do not come again, until cancelled."""
        await self._safe_mode.run()

    async def restore(self) -> None:
        """Continue with the parts that a previous run left open, or answered and did not record. Raises LedgerError."""
        answered = await self._safe_mode.restore()
        await self._known.restore(answered)
        for each in answered:
            self._cameras.run_of(frame_of(each.part))

    async def recover(self) -> None:
        """Close reports left pending by a previous run."""
        await self._recorder.close_unfinished(list(self._lines))

    async def close(self, timeout_s: float = 10.0) -> None:
        """Wait for reports that are still being written."""
        await self._recorder.close(timeout_s)

    def _line_of(self, frame: Frame) -> PipelineVersion | None:
        """Return the line that declares this camera. An unknown camera's frame is counted and never judged."""
        line, camera = frame.key.line, frame.key.camera
        known = self.declares(line, camera)
        self._cameras.add_frame(frame, known=known)
        if known:
            for kind, text in self._deadlines.add(frame) if self._events.names.place(line, camera).is_own else ():
                self._events.add(kind, text, line=line, camera=camera)
            return self._lines[line]
        what = "camera" if line in self._lines else "line"
        text = f"frames arrive from an unknown {what}; to connect it, declare it in a pipeline and apply that"
        self._events.add(f"UNKNOWN_{what.upper()}", text, line=line, camera=camera)
        self._on_unknown(frame)
        return None

    def _of_line(self, frame: Frame, line: PipelineVersion) -> Frame:
        """Return the frame, with a fault where it declares another product than the line judges."""
        self._report_unlabelled(frame, line)
        if line.pipeline.accepts_product(frame.product):
            return frame
        text = f"product {frame.product!r} is not the line's ({line.pipeline.product})"
        remedy = "change over the line, or list the name under products in its pipeline"
        self._events.add("PRODUCT_MISMATCH", f"{text}; {remedy}", line=frame.key.line, camera=frame.key.camera)
        return replace(frame, fault=frame.fault or text)

    def _report_unlabelled(self, frame: Frame, line: PipelineVersion) -> None:
        """Report a frame without a property that tells the line's triggers apart."""
        missing = [name for name in line.pipeline.trigger.unique_by if labelled_value(frame, name) is None]
        if missing:
            text = f"frame without {', '.join(missing)}, which trigger.unique_by names; send it with each frame"
            self._events.add("BAD_PROPERTY", text, line=frame.key.line, camera=frame.key.camera)

    def _with_run(self, frame: Frame, identity: PartIdentity) -> Frame:
        """Number the run of the camera's counter. A repeat has its number already."""
        is_repeat = self._known.is_repeat(identity) or self._safe_mode.holds(identity)
        return frame if is_repeat else replace(frame, run=self._cameras.run_of(frame))

    async def _identified(self, frame: Frame, line: PipelineVersion, due: Deadline) -> tuple[PartIdentity, Frame]:
        """Return the identity of a frame. A claim check that does not declare the hash is fetched for it."""
        unique_by = line.pipeline.trigger.unique_by
        identity = identity_of(frame, unique_by)
        if identity.sha256 or self._safe_mode.holds(identity):
            return identity, frame
        if known := await self._known.redelivered(frame, identity):
            return known, frame
        frame = await self._examiner.fetch(frame, due)
        return identity_of(frame, unique_by), frame

    async def _examine(self, frame: Frame, line: PipelineVersion, due: Deadline, opened: OpenTrigger) -> Findings:
        """Examine the frame. Where its trigger names another part at the gate too, the model is not even asked."""
        if opened.is_ambiguous:
            refusal = fail_safe(line.pipeline.fail_safe, Reason.SAFE_MODE, AMBIGUOUS_DETAIL)
            return await self._examiner.refuse(frame, refusal, due)
        findings = await self._examiner.examine(frame, line, due)
        decision = unambiguous(findings.decision, opened, line.pipeline)
        if decision is not findings.decision:
            self._known.report_withdrawn(opened.identity, decision.disposition)
        return replace(findings, decision=decision)

    def _record_of(
        self, frame: Frame, line: PipelineVersion, findings: Findings, due: Deadline, opened: OpenTrigger
    ) -> PartRecord:
        if frame.payload and findings.evidence is None:
            self.report_fault("EVIDENCE_LOST", findings.decision.detail, frame.key.line, frame.key.camera)
        self._model_fingerprint = findings.judgement.model_fingerprint or self._model_fingerprint
        fingerprint = findings.judgement.fingerprint or self._unasked_fingerprint(line, frame.key.camera)
        return part_record(frame, line, replace(findings, fingerprint=fingerprint), due, time.monotonic(), opened)

    def _unasked_fingerprint(self, line: PipelineVersion, camera: str) -> str:
        """Return the fingerprint of a part that no model was asked about: with the model that answered last."""
        key = (line.pipeline.line, line.version, self._model_fingerprint, line.pipeline.region(camera))
        if key not in self._fingerprints:
            settings = line.pipeline.settings_fingerprint(camera)
            self._fingerprints[key] = line_fingerprint(settings, self._model_fingerprint, line.golden)
        return self._fingerprints[key]


def noted(part: PartRecord) -> dict[str, Attribute | None]:
    """Return what a trace says about a decided part."""
    decision = part.decision
    named = {"result_id": part.result_id, "disposition": str(decision.disposition), "reason": str(decision.reason)}
    return {**named, "late": part.late, "latency_ms": part.latency_ms, "p_ng": part.p_ng}
