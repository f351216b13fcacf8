"""What becomes of a part, told change by change to whoever asked for it. Pure.

Nothing depends on it: the ledger holds how a part stands, this only says it early.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from inspector.domain.frame import Frame, FrameKey
from inspector.domain.part import PartRecord, PartState
from inspector.domain.reconciliation import Ack, Gap
from inspector.messages.outgoing import VerdictMessage
from inspector.ports.broker import OutgoingMessage
from inspector.utc import utc_now


@dataclass(frozen=True, slots=True)
class StateChange:
    """A part came into a state. LOST is told of the numbers `seq` to `last_seq`: nothing else is known of them."""

    state: PartState
    line: str
    camera: str
    at: datetime
    trigger_id: str | None = None
    result_id: str | None = None
    seq: int | None = None
    last_seq: int | None = None


Tell = Callable[[StateChange], None]


def nobody(_change: object) -> None:
    """Where nobody asked for it."""


def received(frame: Frame) -> StateChange:
    return StateChange(PartState.RECEIVED, *_place(frame.key), seq=frame.seq)


def judging(key: FrameKey) -> StateChange:
    return StateChange(PartState.JUDGING, *_place(key))


def decided(part: PartRecord) -> StateChange:
    return StateChange(PartState.DECIDED, *_place(part.key), part.result_id, part.seq)


def published(message: OutgoingMessage) -> StateChange:
    """`message` carries a verdict."""
    verdict = VerdictMessage.model_validate_json(message.payload)
    key = FrameKey(verdict.line, verdict.camera, verdict.trigger_id)
    return StateChange(PartState.PUBLISHED, *_place(key), verdict.result_id, verdict.seq)


def acknowledged(ack: Ack) -> StateChange:
    return StateChange(PartState.ACKNOWLEDGED, *_place(ack.key))


def lost(line: str, camera: str, gap: Gap) -> StateChange:
    return StateChange(PartState.LOST, line, camera, utc_now(), seq=gap.first, last_seq=gap.last)


def _place(key: FrameKey) -> tuple[str, str, datetime, str]:
    return key.line, key.camera, utc_now(), key.trigger_id
