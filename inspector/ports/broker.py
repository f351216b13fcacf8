"""Port of `adapters/mqtt`: the messages that a station publishes and receives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from inspector.domain.frame import Frame
from inspector.domain.reconciliation import Ack, TriggerCount


class OutgoingMessage(NamedTuple):
    """One message for the line, stored with the part.

    `message_id` stays the same when the message is repeated; `topic` is complete. `confirms` marks the verdict: once
    the broker has it, the part counts as PUBLISHED. `correlation` is MQTT's correlation data. `ack_within_ms` is the
    time within which the gate should acknowledge. `review` names the review that the message is about.
    """

    message_id: str
    topic: str
    payload: bytes
    confirms: bool = False
    correlation: bytes | None = None
    ack_within_ms: float | None = None
    review: str | None = None


class Publisher(Protocol):
    """Publishes messages with QoS 1, in the order of the calls."""

    async def publish(self, message: OutgoingMessage) -> None:
        """Publish, and return when the broker has confirmed. Raises BrokerError when the connection is lost first."""

    async def announce(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish something that is not stored for later (events, heartbeats). Raises BrokerError when offline."""

    async def wait_online(self) -> None:
        """Return when there is a connection and the echoes of a previous run have arrived."""

    def echoed_ids(self) -> Sequence[str]:
        """Return ids of our own messages that the broker sent back and the ledger has not recorded yet.

        An echo proves that the message was published, even if a previous run of this process died before it recorded
        that.
        """

    def forget_echoes(self, message_ids: Sequence[str]) -> None:
        """Drop the echoes of these messages: the ledger has recorded them as published."""


class MessageReceiver(Protocol):
    """The receiver of parsed MQTT messages. The intake calls it on the event loop."""

    async def inspect(self, frame: Frame) -> None:
        """Inspect the frame, and return when it may be acknowledged."""

    async def answer(self, frame: Frame) -> None:
        """Answer a frame whose payload was dropped. It stays unacknowledged, so that it comes again."""

    @property
    def answers_without_pictures(self) -> bool:
        """Whether frames beyond the window go to `answer` now: the ledger is away. Asked from another thread."""

    def declares(self, line: str, camera: str) -> bool:
        """Whether a line declares this camera, so that its frames are judged. Asked from another thread."""

    def on_undeclared(self, line: str, frames: int) -> None:
        """Count frames of undeclared cameras that nobody reads, because too many of them arrive."""

    def on_status(self, line: str, camera: str, status: str) -> None:
        """Accept a camera's status: online or offline."""

    def on_retained(self, line: str, camera: str, channel: str) -> None:
        """Count a stored copy of a message (retain flag). It is no part and needs no answer."""

    async def on_ack(self, ack: Ack) -> None:
        """Accept a gate's report of its action. Returns when the message may be acknowledged."""

    async def on_count(self, count: TriggerCount) -> None:
        """Accept a PLC's count of triggers. Returns when the message may be acknowledged."""

    def report_fault(self, kind: str, text: str, line: str | None = None, camera: str | None = None) -> None:
        """Report a message that can't be read, as a counted event for a person."""
