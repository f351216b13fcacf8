"""Publishes what becomes of parts, where an installation asks for it, and knows how many wait for a model replica.

Best effort, beside the line's work: verdicts never wait for it, and what can't be sent now is dropped.
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
from inspector.ports.pool import Job, Pool, PoolResult
from inspector.station.part_states import StateChange, Tell, judging, nobody, published

log = logging.getLogger(__name__)

WAITING: Final = 10_000  # changes kept while the broker is slow; the oldest go first
TOGETHER: Final = 64


class Announcer:
    """One station's voice. `tell` is progress.Tell; call it on the event loop."""

    def __init__(self, publisher: Publisher, topics: Topics) -> None:
        self._publisher = publisher
        self._topics = topics
        self._waiting: deque[StateChange] = deque(maxlen=WAITING)
        self._wake = asyncio.Event()

    def tell(self, change: StateChange) -> None:
        self._waiting.append(change)
        self._wake.set()

    def tell_published(self, verdict: OutgoingMessage) -> None:
        """The broker has this verdict."""
        self.tell(published(verdict))

    async def run(self) -> None:
        """Publishes in the order of telling until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
                await self._publish(batch)

    async def _publish(self, batch: list[StateChange]) -> None:
        sending = [self._publisher.announce(self._topic(each), to_json(message_of(each))) for each in batch]
        outcomes = await asyncio.gather(*sending, return_exceptions=True)
        dropped = [outcome for outcome in outcomes if isinstance(outcome, BrokerError)]
        if dropped:
            log.info("%d change(s) of state are not published: %s", len(dropped), dropped[0])

    def _topic(self, change: StateChange) -> str:
        return self._topics.part(change.line, change.camera)


class AttendedPool:
    """ports.Pool that tells when a frame is sent to be judged, and counts those that are not back yet."""

    def __init__(self, pool: Pool, tell: Tell = nobody) -> None:
        self._pool = pool
        self._tell = tell
        self.judging = 0

    async def judge(self, job: Job) -> PoolResult:
        self._tell(judging(job.key))
        self.judging += 1
        try:
            return await self._pool.judge(job)
        finally:
            self.judging -= 1


def message_of(change: StateChange) -> PartStateMessage:
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
