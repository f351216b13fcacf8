"""A station that runs: its doors opened, its loops turning, until it is closed. Ray knows nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import zlib
from typing import Final

from inspector.adapters.ledger import SqlLedger
from inspector.adapters.mqtt.intake import Intake
from inspector.adapters.mqtt.publisher import MqttPublisher
from inspector.errors import BrokerError, LedgerError
from inspector.messages.outgoing import EventSeverity, Heartbeat, to_json
from inspector.messages.topics import Topics
from inspector.station.admission_queue import Anteroom
from inspector.station.gate_feedback import Gate
from inspector.station.monitor import Watch
from inspector.station.outbox import Relay
from inspector.station.picture_retention import Sweep
from inspector.station.state_publisher import Announcer, AttendedPool
from inspector.station.station import Station
from inspector.utc import utc_now

log = logging.getLogger(__name__)

POLL_S: Final = 1.0
FINISH_S: Final = 8.0  # closing fits in the time that Serve gives it (pool.builder.DRAIN_S)
WORDS_S: Final = 2.0
FLUSH_S: Final = 3.0


class RunningStation:
    """pool.builder.Runnable: one station's share of the lines, from `start` to `close`."""

    def __init__(
        self,
        station: Station,
        intake: Intake,
        publisher: MqttPublisher,
        relay: Relay,
        watch: Watch,
        gate: Gate,
        sweep: Sweep,
        ledger: SqlLedger,
        topics: Topics,
        anteroom: Anteroom,
        pool: AttendedPool,
        announcer: Announcer,
        *,
        number: int,
        stations: int,
    ) -> None:
        self._station = station
        self._intake = intake
        self._publisher = publisher
        self._relay = relay
        self._watch = watch
        self._gate = gate
        self._sweep = sweep
        self._ledger = ledger
        self._topics = topics
        self._anteroom = anteroom
        self._pool = pool
        self._announcer = announcer
        self._number = number
        self._stations = stations
        self._loops: list[asyncio.Task[None]] = []
        self._beats = 0

    async def start(self) -> None:
        """Takes up where an earlier life stopped, then opens the intake: no frame comes in before that."""
        await self._publisher.start()
        await self._refresh()
        await self._watch.remember()
        self._loops = [
            asyncio.create_task(loop)
            for loop in (
                self._relay.run(),
                self._watch.run(),
                self._gate.run(),
                self._sweep.run(),
                self._announcer.run(),
                self._follow_pipelines(),
                self._beat(),
            )
        ]
        await self._station.recover()
        self._intake.start()

    def check(self) -> None:
        """Raises what ended one of the loops, or BrokerError when frames can't come in."""
        for loop in self._loops:
            if loop.done() and not loop.cancelled():
                error = loop.exception()
                raise RuntimeError(f"a loop of station {self._number} ended: {error!r}") from error
        self._intake.check()

    async def close(self) -> None:
        """Finishes, stores and publishes what is in hand, then says OFFLINE."""
        await self._intake.close(FINISH_S)
        await self._station.close(WORDS_S)
        with contextlib.suppress(TimeoutError):
            await self._relay.flush(FLUSH_S)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._publisher.close()
        await self._ledger.stop()

    # ------------------------------------------------------------------ loops

    async def _follow_pipelines(self) -> None:
        """A new pipeline version is live within POLL_S, without a restart."""
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self._refresh()
            except LedgerError as error:
                log.warning("pipelines can't be read, going on with those known: %s", error)

    async def _refresh(self) -> None:
        versions = [each for each in await self._ledger.pipelines() if self._is_mine(each.pipeline.line)]
        changed = self._station.follow(versions)
        if not changed:
            return
        for version in versions:
            if version.pipeline.line in changed:
                self._watch.note(
                    "PIPELINE_LIVE",
                    f"version {version.version} is live",
                    line=version.pipeline.line,
                    severity=EventSeverity.INFO,
                )
        if self._stations > 1:
            lines = [version.pipeline.line for version in versions]
            self._relay.lines = lines
            self._gate.lines = lines
            self._intake.resubscribe(lines)

    def _is_mine(self, line: str) -> bool:
        """Lines are shared out by a hash of their names: adding one moves none of the others."""
        return zlib.crc32(line.encode()) % self._stations == self._number

    async def _beat(self) -> None:
        topic = self._topics.of_station(self._topics.heartbeat, self._number)
        while True:
            self._beats += 1
            beat = Heartbeat(
                station=self._number,
                count=self._beats,
                in_flight=self._station.in_flight,
                queued=self._anteroom.waiting,
                judging=self._pool.judging,
                outbox=self._relay.backlog,
                at=utc_now(),
            )
            with contextlib.suppress(BrokerError):
                await self._publisher.announce(topic, to_json(beat))
            await asyncio.sleep(1.0)
