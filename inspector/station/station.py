"""The story of one frame: in from a camera, judged, recorded, answered. `Station.inspect` tells it.

Whatever goes wrong, the part ends in exactly one record, and doubt never becomes PASS.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from typing import Final

from inspector.domain.frame import Frame, FrameKey
from inspector.domain.pipeline import line_fingerprint
from inspector.domain.reconciliation import Ack, TriggerCount
from inspector.errors import LedgerError
from inspector.log_context import set_current_part
from inspector.ports.ledger import Ledger, PipelineVersion
from inspector.station.deadlines import Clocks
from inspector.station.examiner import Examiner
from inspector.station.findings import as_part, deadline_ms
from inspector.station.gate_feedback import Gate
from inspector.station.monitor import NOBODY, Watch
from inspector.station.outbox import Relay
from inspector.station.part_states import Tell, nobody, received
from inspector.station.recorder import Recorder
from inspector.utc import utc_now

MEMORY: Final = 10_000  # frames remembered as decided


class Station:
    """ports.Reception: inspects the frames of a set of lines."""

    def __init__(
        self,
        examiner: Examiner,
        recorder: Recorder,
        ledger: Ledger,
        relay: Relay,
        watch: Watch,
        gate: Gate,
        *,
        tell: Tell = nobody,
    ) -> None:
        self._examiner = examiner
        self._recorder = recorder
        self._ledger = ledger
        self._relay = relay
        self._watch = watch
        self._gate = gate
        self._tell = tell
        self._clocks = Clocks(utc_now(), time.monotonic())
        self._lines: dict[str, PipelineVersion] = {}
        self._model = ""
        self._fingerprints: dict[tuple[str, int, str], str] = {}
        self._in_hand: dict[FrameKey, asyncio.Event] = {}
        self._decided: OrderedDict[FrameKey, None] = OrderedDict()

    async def inspect(self, frame: Frame) -> None:
        """One frame in, one record out. When it returns the frame may be acknowledged."""
        line = self._line_of(frame)
        if line is None:
            return
        async with Turn(self._in_hand, frame.key):
            set_current_part(frame.key)
            if await self._is_answered(frame):
                return
            self._tell(received(frame))
            due = self._clocks.deadline(frame, deadline_ms(frame, line.pipeline))
            frame = await self._examiner.fetch(frame, due)
            found = await self._examiner.examine(frame, line, due)
            if frame.payload and found.evidence is None:
                self.report_fault("EVIDENCE_LOST", found.decision.detail, frame.key.line, frame.key.camera)
            self._model = found.judgement.model_fingerprint or self._model
            part = as_part(
                frame,
                line,
                found,
                due,
                time.monotonic(),
                result_id=uuid.uuid4().hex,
                fingerprint=self._fingerprint(line),
            )
            stored = await self._recorder.record(part, frame, line.pipeline, due, found.words, found.shadow)
            self._remember(frame.key)
            if not stored:
                await self._answer_again(frame)

    def follow(self, lines: list[PipelineVersion]) -> list[str]:
        """Works by these pipeline versions from now on; returns the lines that changed."""
        newest = {version.pipeline.line: version for version in lines}
        changed = [name for name in newest.keys() | self._lines.keys() if newest.get(name) != self._lines.get(name)]
        self._lines = newest
        return sorted(changed)

    def on_status(self, line: str, camera: str, status: str) -> None:
        self._watch.saw_status(line, camera, status, known=self._wants(line, camera))

    async def on_ack(self, ack: Ack) -> None:
        await self._gate.on_ack(ack)

    async def on_count(self, count: TriggerCount) -> None:
        await self._gate.on_count(count)

    def report_fault(self, kind: str, text: str, line: str | None = None, camera: str | None = None) -> None:
        self._watch.note(kind, text, line=line or NOBODY, camera=camera)

    @property
    def in_flight(self) -> int:
        return len(self._in_hand)

    async def recover(self) -> None:
        """Closes what an earlier life left open."""
        await self._recorder.close_unfinished(list(self._lines))

    async def close(self, timeout_s: float = 10.0) -> None:
        """Waits for words still being written."""
        await self._recorder.close(timeout_s)

    def _wants(self, line: str, camera: str) -> bool:
        version = self._lines.get(line)
        return version is not None and (not version.pipeline.cameras or camera in version.pipeline.cameras)

    def _line_of(self, frame: Frame) -> PipelineVersion | None:
        """The pipeline that wants this camera; a stranger's frame is counted and shown, never judged."""
        line, camera = frame.key.line, frame.key.camera
        known = self._wants(line, camera)
        self._watch.saw_frame(line, camera, known=known, seq=frame.seq if known else None)
        if known:
            for kind, text in self._clocks.add(frame):
                self._watch.note(kind, text, line=line, camera=camera)
            return self._lines[line]
        what = "camera" if line in self._lines else "line"
        text = f"frames come from an unknown {what}; connect it: declare it in a pipeline and apply that"
        self._watch.note(f"UNKNOWN_{what.upper()}", text, line=line, camera=camera)
        return None

    async def _is_answered(self, frame: Frame) -> bool:
        """Whether this frame was decided before. Asked of the ledger only where that is likely: a frame that turns
        out to be decided after all is refused when it is recorded, so that here only work is saved."""
        likely = frame.redelivered or frame.key in self._decided
        return likely and await self._answer_again(frame)

    async def _answer_again(self, frame: Frame) -> bool:
        """A camera that sent a decided frame again is answered again; a redelivery by the broker is not: its verdict
        is out already or waits in the outbox. False when the frame is not decided."""
        try:
            known = await self._ledger.find(frame.key)
        except LedgerError:
            return False
        if known is None:
            return False
        if known.verdict is not None and not frame.redelivered:
            self._relay.repeat(known.verdict)
        return True

    def _remember(self, key: FrameKey) -> None:
        self._decided[key] = None
        if len(self._decided) > MEMORY:
            self._decided.popitem(last=False)

    def _fingerprint(self, line: PipelineVersion) -> str:
        """The fingerprint of a version and the model; worked out once, not for every part."""
        key = (line.pipeline.line, line.version, self._model)
        if key not in self._fingerprints:
            self._fingerprints[key] = line_fingerprint(line.pipeline.settings_fingerprint(), self._model, line.golden)
        return self._fingerprints[key]


class Turn:
    """Async context: one task at a time works on a frame key; a copy of the frame waits for the first."""

    def __init__(self, in_hand: dict[FrameKey, asyncio.Event], key: FrameKey) -> None:
        self._in_hand = in_hand
        self._key = key

    async def __aenter__(self) -> None:
        while other := self._in_hand.get(self._key):
            await other.wait()
        self._in_hand[self._key] = asyncio.Event()

    async def __aexit__(self, *exc: object) -> None:
        self._in_hand.pop(self._key).set()
