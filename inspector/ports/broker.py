"""Port of `adapters/mqtt`: what a station publishes and what it receives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from inspector.domain.frame import Frame
from inspector.domain.reconciliation import Ack, TriggerCount


class OutgoingMessage(NamedTuple):
    """One message for the line, stored with the part. `message_id` is stable over repeats; `topic` is complete.
    `confirms` says that the part counts as PUBLISHED once the broker has this message (the verdict).
    `correlation` is MQTT's correlation data; `ack_within_ms` how soon the gate should acknowledge it."""

    message_id: str
    topic: str
    payload: bytes
    confirms: bool = False
    correlation: bytes | None = None
    ack_within_ms: float | None = None


class Publisher(Protocol):
    """Sends messages with QoS 1, in the order of the calls."""

    async def publish(self, message: OutgoingMessage) -> None:
        """Returns when the broker has confirmed it. Raises BrokerError when the connection is lost before."""

    async def announce(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Sends something that is not kept for later (events, heartbeats). Raises BrokerError when offline."""

    async def wait_online(self) -> None:
        """Returns when there is a connection and the echoes of an earlier life have come in."""

    def echoed_ids(self) -> Sequence[str]:
        """Ids of our own messages that came back from the broker and are not noted yet: proof that they were
        published, though an earlier life of this process may have died before it could note it."""

    def forget_echoes(self, message_ids: Sequence[str]) -> None:
        """The ledger knows that these were published: their echoes are no longer needed."""


class MessageReceiver(Protocol):
    """What the intake hands its messages to; called on the event loop."""

    async def inspect(self, frame: Frame) -> None:
        """Returns when the frame may be acknowledged."""

    def on_status(self, line: str, camera: str, status: str) -> None:
        """A camera says online or offline."""

    async def on_ack(self, ack: Ack) -> None:
        """A gate says what it did. Returns when the message may be acknowledged."""

    async def on_count(self, count: TriggerCount) -> None:
        """A PLC says how often it triggered a camera. Returns when the message may be acknowledged."""

    def report_fault(self, kind: str, text: str, line: str | None = None, camera: str | None = None) -> None:
        """Something came in that can't be read; counted and told to a person."""
