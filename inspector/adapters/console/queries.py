"""Queries over archive and evidence store, answered in the models of the REST API.

The API's routes and the pages both call this class, so a page shows exactly what the API returns. Archive and evidence
store block, so every call runs in a worker thread. LedgerError passes through to the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final

from inspector.adapters.console import pictures
from inspector.adapters.console.pictures import PictureBody
from inspector.adapters.console.schemas import (
    AdjacentParts,
    EventAnswer,
    EventList,
    Health,
    PartList,
    PartReport,
    PartSummary,
    TotalsAnswer,
)
from inspector.domain.heat_map import HeatMap
from inspector.errors import LedgerError, ModelError
from inspector.ports.archive import Archive, EventFilter, EventRow, PartFilter
from inspector.ports.evidence import EvidenceStore
from inspector.ports.metrics import StationStatus
from inspector.utc import utc_now

CACHED_THUMBNAILS: Final = 512
MAX_CACHED_SIDE_PX: Final = 320  # larger thumbnails are not cached here, to bound memory; browsers cache them
HEALTH_TIMEOUT_S: Final = 2.0  # a database that does not answer for this long is away
HEARD_WITHIN: Final = timedelta(seconds=10)  # an older heartbeat says nothing about now


class Catalogue:
    """Queries over one archive and one evidence store. `stations` returns the last heartbeats.

    Its only state is a cache of small thumbnails, and the database read of a health check that has not ended.
    """

    def __init__(
        self, archive: Archive, evidence: EvidenceStore, stations: Callable[[], Sequence[StationStatus]] = tuple
    ) -> None:
        self._archive = archive
        self._evidence = evidence
        self._stations = stations
        self._newest: asyncio.Task[PartList] | None = None
        self._cached_thumbnail = lru_cache(CACHED_THUMBNAILS)(self._make_thumbnail)

    async def parts(self, wanted: PartFilter, limit: int) -> PartList:
        rows = await asyncio.to_thread(self._archive.parts, wanted, limit)
        last = rows[-1].number if len(rows) == limit else None
        return PartList(
            parts=tuple(PartSummary.of(row) for row in rows),
            next_before=None if wanted.sort.is_rising else last,
            next_after=last if wanted.sort.is_rising else None,
        )

    async def part(self, result_id: str) -> PartReport | None:
        row = await asyncio.to_thread(self._archive.part, result_id)
        return PartReport.of(row) if row else None

    def line_of(self, result_id: str) -> str | None:
        """Return the line of a part. Blocks."""
        row = self._archive.part(result_id)
        return row and row.part.key.line

    async def neighbours(self, line: str, number: int) -> AdjacentParts:
        older, newer = await asyncio.gather(
            asyncio.to_thread(self._archive.parts, PartFilter(line=line, before=number), 1),
            asyncio.to_thread(self._archive.parts, PartFilter(line=line, after=number), 1),
        )
        ids = [rows[0].part.result_id if rows else None for rows in (older, newer)]
        return AdjacentParts(older=ids[0], newer=ids[1])

    def heat_map(self, result_id: str) -> HeatMap | None:
        """Return the heat map of a part's second opinion; None where there is none. Blocks."""
        return self._archive.heat_map(result_id)

    async def picture(self, sha256: str) -> PictureBody | None:
        """Return the stored bytes unchanged; None if the evidence store does not have them."""
        return await asyncio.to_thread(self._stored, sha256)

    async def thumbnail(self, sha256: str, side: int, absent: str = "missing") -> PictureBody:
        """Return a small JPEG, or a drawing that shows why there is none: `absent` where nothing is stored."""
        make = self._cached_thumbnail if side <= MAX_CACHED_SIDE_PX else self._make_thumbnail
        try:
            return await asyncio.to_thread(make, sha256, side)
        except KeyError:
            return pictures.placeholder(absent)

    async def totals(self, minutes: int, lines: Sequence[str] | None = None) -> TotalsAnswer:
        since = utc_now() - timedelta(minutes=minutes)
        return TotalsAnswer.of(await asyncio.to_thread(self._archive.totals, since, lines), minutes)

    def event(self, event_id: str) -> EventRow | None:
        """Return one event. Blocks."""
        return self._archive.event(event_id)

    async def events(self, wanted: EventFilter, limit: int) -> EventList:
        rows = await asyncio.to_thread(self._archive.event_page, wanted, limit)
        return EventList(
            events=tuple(map(EventAnswer.of, rows)),
            next_before=rows[-1].number if len(rows) == limit else None,
        )

    async def health(self) -> Health:
        """Return the newest part.

        Raises LedgerError while a station cannot store parts or the database is silent, and ModelError while the
        model's server can't be used.
        """
        heard = [each for each in self._stations() if each.heard_at > utc_now() - HEARD_WITHIN]
        if away := [str(each.station) for each in heard if each.ledger_away]:
            raise LedgerError(f"station {', '.join(away)} cannot store parts; every part gets the fail-safe")
        if cause := next((each.model_away for each in heard if each.model_away), None):
            raise ModelError(f"the model's server can't be used and parts get the fail-safe: {cause}")
        newest = next(iter((await self._read_newest()).parts), None)
        return Health(
            newest_part=newest.number if newest else None,
            newest_decided_at=newest.verdict.decided_at if newest else None,
        )

    async def _read_newest(self) -> PartList:
        """Read the newest part, at most once at a time: checks of a silent database must not use up all threads."""
        if self._newest is None or self._newest.done():
            self._newest = asyncio.create_task(self.parts(PartFilter(), 1))
        done, _ = await asyncio.wait({self._newest}, timeout=HEALTH_TIMEOUT_S)
        if not done:
            raise LedgerError(f"the database does not answer within {HEALTH_TIMEOUT_S:g} s")
        return self._newest.result()

    def _stored(self, sha256: str) -> PictureBody | None:
        try:
            data = self._evidence.get(sha256)
        except KeyError:
            return None
        return PictureBody(data, pictures.media_type(data))

    def _make_thumbnail(self, sha256: str, side: int) -> PictureBody:
        return pictures.thumbnail(self._evidence.get(sha256), side) or pictures.placeholder("unreadable")
