"""Reports lines where more parts wait for people, or for longer, than the line's pipeline allows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from inspector.domain.pipeline import ReviewSettings
from inspector.errors import LedgerError
from inspector.messages.outgoing import EventSeverity
from inspector.ports.ledger import PipelineStore
from inspector.ports.reviews import WaitingCounts
from inspector.station.event_log import EventLog
from inspector.utc import utc_now

log = logging.getLogger(__name__)

CHECK_INTERVAL_S: Final = 60.0
REPEAT_INTERVAL: Final = timedelta(hours=1)  # while a backlog lasts


class BacklogStore(PipelineStore, Protocol):
    """The ledger, as this service uses it."""

    async def waiting_counts(self, line: str) -> WaitingCounts: ...


class ReviewBacklog:
    """Checks the `lines` (None: all lines) once a minute. Each backlog is reported when it begins, then every hour."""

    def __init__(
        self,
        ledger: BacklogStore,
        events: EventLog,
        lines: Sequence[str] | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._ledger = ledger
        self._events = events
        self.lines = lines
        self._now = now
        self._reported: dict[str, datetime] = {}

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            try:
                await self.check()
            except LedgerError as error:
                log.warning("the backlog of reviews is not known now: %s", error)
            await asyncio.sleep(CHECK_INTERVAL_S)

    async def check(self) -> None:
        """Check once. Raises LedgerError."""
        for version in await self._ledger.pipelines():
            pipeline = version.pipeline
            if self.lines is None or pipeline.line in self.lines:
                counts = await self._ledger.waiting_counts(pipeline.line)
                self._note(pipeline.line, backlog_text(counts, pipeline.reviews, self._now()))

    def _note(self, line: str, text: str | None) -> None:
        if text is None:
            self._reported.pop(line, None)
            return
        reported_at = self._reported.get(line)
        if reported_at is None or self._now() - reported_at >= REPEAT_INTERVAL:
            self._reported[line] = self._now()
            self._events.add("REVIEW_BACKLOG", text, line=line, severity=EventSeverity.WARNING)


def backlog_text(counts: WaitingCounts, settings: ReviewSettings, now: datetime) -> str | None:
    """Return what is too much or too old, in words; None where nothing is."""
    oldest = counts.oldest_open
    hours = (now - oldest) / timedelta(hours=1) if oldest else 0.0
    if counts.open <= settings.max_open and hours <= settings.max_open_hours:
        return None
    number = f"{counts.open} or more" if counts.open >= counts.limit else str(counts.open)
    return (
        f"{number} open part(s) wait for people (limit {settings.max_open}), the oldest for {hours:.1f} h (limit "
        f"{settings.max_open_hours:g}); review them, or widen `reviews` in the pipeline"
    )
