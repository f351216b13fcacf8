"""Takes new pipeline versions live without a restart, and shares the lines out among stations."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from inspector.errors import LedgerError
from inspector.messages.outgoing import EventSeverity
from inspector.ports.ledger import PipelineStore, PipelineVersion
from inspector.station.event_log import EventLog
from inspector.station.reject_guard import RejectGuard
from inspector.station.station import Station

log = logging.getLogger(__name__)

POLL_INTERVAL_S: Final = 0.5  # a paused line must stop passing within 1 s


class PipelineUpdates:
    """Polls the live pipelines for the station `number` of `stations`.

    `on_lines` are called with this station's lines whenever they change, where there are several stations.
    """

    def __init__(
        self,
        ledger: PipelineStore,
        station: Station,
        events: EventLog,
        guard: RejectGuard,
        number: int,
        stations: int,
        on_lines: Sequence[Callable[[list[str]], None]] = (),
    ) -> None:
        self._ledger = ledger
        self._station = station
        self._events = events
        self._guard = guard
        self._number = number
        self._stations = stations
        self._on_lines = on_lines

    async def run(self) -> None:
        """Poll until cancelled. While the ledger is away the known versions stay live."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                await self.refresh()
            except LedgerError as error:
                log.warning("pipelines can't be read, the known versions stay live: %s", error)

    async def refresh(self) -> None:
        """Take the newest versions live. Raises LedgerError."""
        versions = [each for each in await self._ledger.pipelines() if self._is_mine(each.pipeline.line)]
        changed = self._station.follow(versions)
        self._guard.follow(versions)
        if not changed:
            return
        self._report(version for version in versions if version.pipeline.line in changed)
        if self._stations > 1:
            lines = [version.pipeline.line for version in versions]
            for take in self._on_lines:
                take(lines)

    def _report(self, versions: Iterable[PipelineVersion]) -> None:
        for version in versions:
            text, line = f"version {version.version} is live", version.pipeline.line
            self._events.add("PIPELINE_LIVE", text, line=line, severity=EventSeverity.INFO)

    def _is_mine(self, line: str) -> bool:
        """Lines are assigned by a hash of their names, so that adding one moves none of the others."""
        return zlib.crc32(line.encode()) % self._stations == self._number
