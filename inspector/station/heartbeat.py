"""The heartbeat of a station: a counter every second, so that silence differs from "no parts"."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, NamedTuple

from inspector.errors import BrokerError
from inspector.messages.outgoing import Heartbeat, to_json
from inspector.ports.broker import Publisher
from inspector.utc import utc_now

INTERVAL_S: Final = 1.0


class Load(NamedTuple):
    """How many frames a station has at each step, and whether ledger and model serve them."""

    in_flight: int
    queued: int
    judging: int
    outbox: int
    ledger_away: bool
    model_away: str | None


class HeartbeatPublisher:
    """Publishes a heartbeat with the station's load every INTERVAL_S."""

    def __init__(self, publisher: Publisher, topic: str, station: int, load: Callable[[], Load]) -> None:
        self._publisher = publisher
        self._topic = topic
        self._station = station
        self._load = load
        self._count = 0

    async def run(self) -> None:
        """Publish until cancelled. A heartbeat that cannot be sent is dropped."""
        while True:
            self._count += 1
            beat = Heartbeat(station=self._station, count=self._count, at=utc_now(), **self._load()._asdict())
            with contextlib.suppress(BrokerError):
                await self._publisher.announce(self._topic, to_json(beat))
            await asyncio.sleep(INTERVAL_S)
