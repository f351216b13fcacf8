"""Publishes changes of parts' states, where an installation asks for them (`INSPECTOR_PART_STATES`).

Best effort: verdicts never wait for it, and changes that cannot be sent are dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from inspector.errors import BrokerError
from inspector.messages.outgoing import PartStateMessage, to_json
from inspector.messages.topics import Topics
from inspector.ports.broker import OutgoingMessage, Publisher
from inspector.station.part_states import StateChange, published

log = logging.getLogger(__name__)

MAX_QUEUED_CHANGES: Final = 10_000  # kept while the broker is slow; the oldest are dropped first
CHANGES_PER_BATCH: Final = 64


class StatePublisher:
    """Publishes state changes of one station. `notify` is a StateListener; call it on the event loop."""

    def __init__(self, publisher: Publisher, topics: Topics) -> None:
        self._publisher = publisher
        self._topics = topics
        self._queue: deque[StateChange] = deque(maxlen=MAX_QUEUED_CHANGES)
        self._wake = asyncio.Event()

    def notify(self, change: StateChange) -> None:
        """Queue a change."""
        self._queue.append(change)
        self._wake.set()

    def notify_published(self, verdict: OutgoingMessage) -> None:
        """Queue the change of a part whose verdict the broker has."""
        self.notify(published(verdict))

    async def run(self) -> None:
        """Publish changes in order until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(CHANGES_PER_BATCH, len(self._queue)))]
                await self._publish(batch)

    async def _publish(self, batch: list[StateChange]) -> None:
        sending = [self._publisher.announce(self._topic(each), to_json(state_message(each))) for each in batch]
        outcomes = await asyncio.gather(*sending, return_exceptions=True)
        dropped = [outcome for outcome in outcomes if isinstance(outcome, BrokerError)]
        if dropped:
            log.info("%d change(s) of state are not published: %s", len(dropped), dropped[0])

    def _topic(self, change: StateChange) -> str:
        return self._topics.part(change.line, change.camera)


def state_message(change: StateChange) -> PartStateMessage:
    """Return the payload of a change."""
    return PartStateMessage(
        state=change.state,
        line=change.line,
        camera=change.camera,
        trigger_id=change.trigger_id,
        result_id=change.result_id,
        seq=change.seq,
        last_seq=change.last_seq,
        at=change.at,
    )
