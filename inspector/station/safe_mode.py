"""Parts of frames whose pictures the station cannot hold while the ledger is away.

Their gates get the fail-safe at once. The frames stay on the broker, which delivers them again when the ledger is back;
each part is then recorded with its picture and as its gate knows it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from inspector.domain.frame import Frame, FrameKey
from inspector.domain.part import PartRecord
from inspector.domain.part_identity import PartIdentity
from inspector.domain.pipeline import Pipeline
from inspector.ports.answers import AnsweredPart
from inspector.station.deadlines import Deadline
from inspector.station.event_log import EventLog
from inspector.station.examiner import Examiner
from inspector.station.ledger_state import LedgerState
from inspector.station.recorder import Entry, Recorder

RETURN_TIMEOUT_S: Final = 60.0  # within which the broker delivers a frame again once the ledger is back
CHECK_INTERVAL_S: Final = 1.0
WITHOUT_PICTURE: Final = "the ledger is away and the station holds as many frames as it may"


@dataclass(slots=True)
class WaitingPart:
    """An answered part whose frame has not come again. `due_s` is set when the ledger is back."""

    answered: AnsweredPart
    due_s: float | None = None


class SafeMode:
    """Answered parts that are not recorded yet. Belongs to one event loop.

    Holds at most as many parts as the broker delivers without an acknowledgement.
    """

    def __init__(self, examiner: Examiner, recorder: Recorder, state: LedgerState, events: EventLog) -> None:
        self._examiner = examiner
        self._recorder = recorder
        self._state = state
        self._events = events
        self._waiting: dict[PartIdentity, WaitingPart] = {}

    @property
    def is_active(self) -> bool:
        """Whether frames beyond the window are answered without a picture. Other threads may ask."""
        return self._state.is_away

    @property
    def waiting(self) -> int:
        """The number of answered parts whose frames have not come again."""
        return len(self._waiting)

    async def restore(self) -> list[AnsweredPart]:
        """Wait for the frames that an earlier process answered, as if this one had. Raises LedgerError."""
        unrecorded = await self._recorder.unrecorded()
        self._waiting |= {each.part.identity: WaitingPart(each) for each in unrecorded}
        return unrecorded

    async def answer(self, part: PartRecord, frame: Frame, pipeline: Pipeline, due: Deadline) -> None:
        """Publish the fail-safe of this part, once; a repeated frame gets the same answer."""
        if earlier := self._waiting.get(part.identity):
            if not frame.redelivered:
                self._recorder.answer_again(earlier.answered)
            return
        answered = self._recorder.answered(Entry(part, frame, pipeline, due))
        self._waiting[part.identity] = WaitingPart(answered)
        await self._recorder.answer(answered)

    def holds(self, identity: PartIdentity) -> bool:
        """Return whether this part is answered and waits for its frame."""
        return identity in self._waiting

    async def record(self, frame: Frame, identity: PartIdentity) -> bool:
        """Record the part of a frame that came again; return False where none waits for it."""
        waiting = self._waiting.get(identity)
        if waiting is None:
            return False
        evidence = await self._examiner.keep(frame)
        if evidence is None:
            self._report_lost(frame.key)
        await self._recorder.record_answered(waiting.answered.with_picture(evidence))
        self._waiting.pop(identity, None)
        return True

    async def run(self) -> None:
        """Record without a picture what the broker has not delivered again in time, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            for identity in self._overdue(time.monotonic()):
                if waiting := self._waiting.pop(identity, None):
                    self._report_lost(identity.key)
                    await self._recorder.record_answered(waiting.answered)

    def _overdue(self, now_s: float) -> list[PartIdentity]:
        """Return the parts whose time is over. It counts from the ledger's return."""
        if self._state.is_away:
            return []
        for waiting in self._waiting.values():
            waiting.due_s = waiting.due_s or now_s + RETURN_TIMEOUT_S
        return [identity for identity, waiting in self._waiting.items() if waiting.due_s and waiting.due_s <= now_s]

    def _report_lost(self, key: FrameKey) -> None:
        text = f"{key}: its picture did not come again, or could not be stored, after the ledger was away"
        self._events.add("EVIDENCE_LOST", text, line=key.line, camera=key.camera)
