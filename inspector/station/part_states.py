"""Changes of a part's state, for listeners. Nothing depends on them: the ledger holds the state of every part."""

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
    """A part entered a state. LOST covers the numbers `seq` to `last_seq`; nothing else is known of those parts."""

    state: PartState
    line: str
    camera: str
    at: datetime
    trigger_id: str | None = None
    result_id: str | None = None
    seq: int | None = None
    last_seq: int | None = None


StateListener = Callable[[StateChange], None]


def ignore_state(_change: object) -> None:
    """Listen to nothing."""


def received(frame: Frame) -> StateChange:
    """Return the change of a frame that a station has received."""
    return StateChange(PartState.RECEIVED, *_source(frame.key), seq=frame.seq)


def judging(key: FrameKey) -> StateChange:
    """Return the change of a frame that a model replica has."""
    return StateChange(PartState.JUDGING, *_source(key))


def decided(part: PartRecord) -> StateChange:
    """Return the change of a part that is stored."""
    return StateChange(PartState.DECIDED, *_source(part.key), part.result_id, part.seq)


def published(message: OutgoingMessage) -> StateChange:
    """Return the change of the part whose verdict `message` carries."""
    verdict = VerdictMessage.model_validate_json(message.payload)
    key = FrameKey(verdict.line, verdict.camera, verdict.trigger_id)
    return StateChange(PartState.PUBLISHED, *_source(key), verdict.result_id, verdict.seq)


def acknowledged(ack: Ack) -> StateChange:
    """Return the change of a part that its gate acknowledged."""
    return StateChange(
        PartState.ACKNOWLEDGED, ack.key.line, ack.key.camera, utc_now(), ack.key.trigger_id or None, ack.result_id
    )


def lost(line: str, camera: str, gap: Gap) -> StateChange:
    """Return the change of frames that never arrived."""
    return StateChange(PartState.LOST, line, camera, utc_now(), seq=gap.first, last_seq=gap.last)


def _source(key: FrameKey) -> tuple[str, str, datetime, str]:
    return key.line, key.camera, utc_now(), key.trigger_id
