"""Knows which parts are decided or open: answers those that come again, and detects reused triggers."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Final

from inspector.domain.decision import Decision, Reason, fail_safe
from inspector.domain.declared import Disposition
from inspector.domain.frame import Frame
from inspector.domain.part import PartRecord
from inspector.domain.part_identity import PartIdentity
from inspector.domain.pipeline import Pipeline, Resend
from inspector.errors import LedgerError
from inspector.messages.withdrawal import AMBIGUOUS_DETAIL, gate_deadline, is_pass
from inspector.ports.answers import AnsweredPart
from inspector.ports.ledger import OpenPart, PartStore, PipelineVersion, Recorded, StoredVerdict
from inspector.station.camera_monitor import CameraMonitor
from inspector.station.deadlines import Deadline
from inspector.station.event_log import EventLog
from inspector.station.open_triggers import OPEN_AFTER_GATE_S, OpenTrigger, OpenTriggers
from inspector.station.outbox import Outbox
from inspector.station.reuse_runs import ReuseRuns
from inspector.utc import utc_now

REMEMBERED_PARTS: Final = 10_000  # hashes of decided parts, to recognise resends without asking the ledger


class KnownParts:
    """The parts of one station, for its event loop only. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        ledger: PartStore,
        outbox: Outbox,
        events: EventLog,
        cameras: CameraMonitor,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._events = events
        self._cameras = cameras
        self._clock = clock
        self._in_flight: dict[PartIdentity, asyncio.Event] = {}
        self._decided: OrderedDict[bytes, None] = OrderedDict()
        self._open = OpenTriggers()
        self._runs = ReuseRuns()

    @property
    def in_flight(self) -> int:
        """The number of parts received and not yet decided."""
        return len(self._in_flight)

    def is_in_flight(self, identity: PartIdentity) -> bool:
        """Return whether a task works on this part now."""
        return identity in self._in_flight

    def is_repeat(self, identity: PartIdentity) -> bool:
        """Return whether this part came before, as far as memory goes."""
        return identity in self._in_flight or self.is_decided(identity)

    def is_decided(self, identity: PartIdentity) -> bool:
        """Return whether the gate has a verdict of this part, as far as memory goes."""
        return identity.whole_digest in self._decided

    async def restore(self, answered: Sequence[AnsweredPart] = ()) -> None:
        """Continue with the parts that a previous run left open, and with those that only their gates know.

        Raises LedgerError.
        """
        now, now_s, after_gate = utc_now(), time.monotonic(), timedelta(seconds=OPEN_AFTER_GATE_S)
        unrecorded = [part for part in map(_open_part, answered) if part.gate_by + after_gate > now]
        for part in [*await self._ledger.open_parts(now, after_gate), *unrecorded]:
            until_s = now_s + (part.gate_by - now).total_seconds() + OPEN_AFTER_GATE_S
            self._enter(OpenTrigger(part.identity, part.result_id, until_s), now_s)
            self.remember(part.identity)

    def lock(self, identity: PartIdentity) -> AbstractAsyncContextManager[None]:
        """Return a context in which one task at a time works on this part; a copy waits for the first."""
        return PartLock(self._in_flight, identity)

    async def is_answered(self, frame: Frame, identity: PartIdentity, line: PipelineVersion) -> bool:
        """Return whether this part was decided before; then it is answered.

        The ledger is asked only where that is likely. Any other decided part is refused when it is recorded, so a wrong
        guess costs work, never a second decision. While the ledger is away a decided part is not judged again: its
        first verdict stands.
        """
        if line.pipeline.trigger.resend is Resend.SAME_TRIGGER and await self._is_answered_as_first(frame, identity):
            return True
        is_decided = self.is_decided(identity)
        if not (frame.redelivered or is_decided):
            return False
        try:
            stored = await self._ledger.find(identity)
        except LedgerError:
            return is_decided
        if stored is not None:
            self._repeat(frame, stored)
        return stored is not None

    async def redelivered(self, frame: Frame, identity: PartIdentity) -> PartIdentity | None:
        """Return the decided part that the broker delivers again, although its picture can't be compared any more."""
        if not frame.redelivered:
            return None
        try:
            named = await self._ledger.candidates(identity.key)
        except LedgerError:
            return None
        return next((each.identity for each in named if each.identity._replace(sha256="") == identity), None)

    def open(self, identity: PartIdentity, due: Deadline) -> OpenTrigger:
        """Open the trigger of a part that is about to be judged.

        If it is open for another part, neither may pass: the gate matches verdicts by trigger_id.
        """
        result_id = uuid.uuid4().hex
        opened = OpenTrigger(identity, result_id, due.at_s + OPEN_AFTER_GATE_S)
        if self._enter(opened, self._clock()):
            self._report_reuse(identity, "while its earlier part was at the gate: neither passes")
        return opened

    def add_recorded(self, part: PartRecord, opened: OpenTrigger, recorded: Recorded) -> None:
        """Note a part that was recorded just now. The first reused trigger of each run of the counter is reported."""
        self.remember(part.identity)
        if recorded is Recorded.NEW:
            self._runs.add_fresh(part.key)
        is_first = recorded is Recorded.REUSED and self._runs.add_reused(part.key, part.run)
        if is_first and not opened.is_ambiguous:
            self._report_reuse(part.identity, "for another part than before: it is judged as any other")

    def remember(self, identity: PartIdentity) -> None:
        """Note that the gate has a verdict of this part."""
        self._decided[identity.whole_digest] = None
        if len(self._decided) > REMEMBERED_PARTS:
            self._decided.popitem(last=False)

    async def answer_recorded(self, frame: Frame, opened: OpenTrigger) -> None:
        """Answer a part that turned out to be decided before when it was recorded."""
        if stored := await self._stored(opened.identity):
            opened.result_id = stored.result_id
            if opened.is_ambiguous:
                self._outbox.withdraw(stored.result_id)
            self._repeat(frame, stored)

    def report_withdrawn(self, identity: PartIdentity, instead: Disposition) -> None:
        """Report a PASS that was withheld because the gate could take it for another part's."""
        line, camera, trigger_id = identity.key
        text = f"{trigger_id}: no PASS, because {AMBIGUOUS_DETAIL}; the gate gets {instead}"
        self._events.add("PASS_WITHDRAWN", text, line=line, camera=camera)

    def _enter(self, opened: OpenTrigger, now_s: float) -> bool:
        """Add a trigger that opens; return whether it is open for another part already."""
        earlier = self._open.get(opened.identity.trigger, now_s)
        if earlier is None or earlier.identity == opened.identity:
            opened.is_ambiguous = earlier is not None and earlier.is_ambiguous
            self._open.add(opened, now_s)
            return False
        earlier.prolong(opened.until_s)
        earlier.is_ambiguous = opened.is_ambiguous = True
        self._outbox.withdraw(earlier.result_id)
        return True

    async def _is_answered_as_first(self, frame: Frame, identity: PartIdentity) -> bool:
        """Answer a picture that was encoded anew by the verdict of the first one, unless that is PASS."""
        opened = self._open.get(identity.trigger, self._clock())
        if opened is None or opened.identity == identity or opened.identity.part_id != identity.part_id:
            return False
        while first := self._in_flight.get(opened.identity):
            await first.wait()
        stored = await self._stored(opened.identity)
        if stored is None or stored.verdict is None or is_pass(stored.verdict.payload):
            return False
        self._repeat(frame, stored)
        return True

    async def _stored(self, identity: PartIdentity) -> StoredVerdict | None:
        try:
            return await self._ledger.find(identity)
        except LedgerError:
            return None

    def _repeat(self, frame: Frame, stored: StoredVerdict) -> None:
        """Answer a resend. A redelivery gets no second answer: its verdict is published or waits in the outbox."""
        if frame.redelivered or stored.verdict is None:
            return
        self._outbox.repeat(stored.verdict)
        self._cameras.add_resent(frame.key.line, frame.key.camera)

    def _report_reuse(self, identity: PartIdentity, how: str) -> None:
        line, camera, trigger_id = identity.key
        text = f"{trigger_id} came again {how}; make trigger ids unique, or declare trigger.unique_by"
        self._events.add("TRIGGER_REUSED", text, line=line, camera=camera)


def _open_part(answered: AnsweredPart) -> OpenPart:
    """Return when the gate acts on an answered part."""
    part, verdict = answered.part, answered.messages[0]
    return OpenPart(part.result_id, part.identity, gate_deadline(verdict.payload) or part.decided_at)


def unambiguous(decision: Decision, opened: OpenTrigger, pipeline: Pipeline) -> Decision:
    """Withhold a PASS that the gate could take for another part's."""
    if not opened.is_ambiguous or decision.disposition is not Disposition.PASS:
        return decision
    return fail_safe(pipeline.fail_safe, Reason.SAFE_MODE, AMBIGUOUS_DETAIL)


class PartLock:
    """Async context: one task at a time works on a part; a copy of its frame waits for the first."""

    def __init__(self, in_flight: dict[PartIdentity, asyncio.Event], identity: PartIdentity) -> None:
        self._in_flight = in_flight
        self._identity = identity

    async def __aenter__(self) -> None:
        while other := self._in_flight.get(self._identity):
            await other.wait()
        self._in_flight[self._identity] = asyncio.Event()

    async def __aexit__(self, *exc: object) -> None:
        self._in_flight.pop(self._identity).set()
