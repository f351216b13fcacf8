"""Publishes what people say about parts. Other processes write these messages, so the station looks for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from inspector.errors import LedgerError
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import OutboxStore

log = logging.getLogger(__name__)

POLL_INTERVAL_S: Final = 1.0
MESSAGES_PER_POLL: Final = 200


class MessageQueue(Protocol):
    """The outbox, as this service uses it."""

    lines: Sequence[str] | None

    def send(self, messages: Sequence[OutgoingMessage]) -> None: ...


class ReviewMessages:
    """Gives new review messages of the outbox's lines to the outbox, oldest first.

    Each is given once: a lost connection makes the outbox read all messages that the broker lacks.
    """

    def __init__(self, ledger: OutboxStore, outbox: MessageQueue) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._given: set[str] = set()

    async def run(self) -> None:
        """Look for messages until cancelled."""
        while True:
            try:
                await self.step()
            except LedgerError as error:
                log.warning("messages about reviews wait: %s", error)
            await asyncio.sleep(POLL_INTERVAL_S)

    async def step(self) -> None:
        """Look once. Raises LedgerError."""
        waiting = await self._ledger.review_messages(self._outbox.lines, MESSAGES_PER_POLL)
        self._outbox.send([message for message in waiting if message.message_id not in self._given])
        self._given = {message.message_id for message in waiting}
