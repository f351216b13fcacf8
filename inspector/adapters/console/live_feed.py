"""New parts, events and states of lines for open browsers: read once from the ledger, sent to all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final, NamedTuple, Self

from pydantic import BaseModel

from inspector.adapters.console.schemas import EventAnswer, FeedHeartbeat, FeedProblem, LineStatusAnswer, PartSummary
from inspector.errors import LedgerError
from inspector.lines.states import LineStates
from inspector.ports.archive import Archive, EventFilter, EventRow, PartFilter, PartRow
from inspector.utc import utc_now

POLL_INTERVAL_S: Final = 0.25
HEARTBEAT_EVERY: Final = 4  # polls
POLLED_PARTS: Final = 200  # read at once
POLLED_EVENTS: Final = 100
MAX_REPLAYED_PARTS: Final = 1000  # sent to a browser that comes again; after a longer absence it reads the lists anew
MAX_WAITING_CHUNKS: Final = 2000  # for one browser; a slower one gets a reset
GAP_POLLS: Final = 20  # a number that another station has taken, and not yet committed, is looked for so often
MAX_GAPS: Final = 100  # numbers looked for at a time


class FeedPosition(NamedTuple):
    """The newest part and the newest event that a browser has. Its text is the id of a server-sent event."""

    part: int
    event: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the position of a Last-Event-ID; None where it is none of ours."""
        numbers = text.split(".")
        if len(numbers) != 2 or not all(each.isascii() and each.isdigit() and len(each) < 19 for each in numbers):
            return None
        return cls(int(numbers[0]), int(numbers[1]))

    def __str__(self) -> str:
        return f"{self.part}.{self.event}"


@dataclass(slots=True)
class _Gaps:
    """Part numbers below the newest one that were not seen: another station may commit them late."""

    left: dict[int, int] = field(default_factory=dict)

    def add(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if len(self.left) < MAX_GAPS:
                self.left[number] = GAP_POLLS

    def due(self) -> list[int]:
        """Return the numbers to look for now; each is looked for GAP_POLLS times."""
        due = list(self.left)
        self.left = {number: polls - 1 for number, polls in self.left.items() if polls > 1}
        return due


class LiveFeed:
    """Reads the ledger every POLL_INTERVAL_S while somebody listens."""

    def __init__(self, archive: Archive, lines: LineStates) -> None:
        self._archive = archive
        self._lines = lines
        self._listeners: set[_Listener] = set()
        self._polling: asyncio.Task[None] | None = None
        self._position = FeedPosition(0, 0)
        self._gaps = _Gaps()
        self._states: dict[str, LineStatusAnswer] = {}

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    async def listen(self, since: FeedPosition | None, lines: Collection[str] | None = None) -> AsyncIterator[bytes]:
        """Yield server-sent events from this position on; from now on without one. `lines` are all that is sent of."""
        listener = _Listener(lines)
        with self._listening(listener):
            await self._begin()
            yield _message("heartbeat", self._heartbeat(), self._position)
            yield listener.text_of(await asyncio.to_thread(self._missed, since) if since else [])
            while True:
                yield await listener.next()

    @contextlib.contextmanager
    def _listening(self, listener: _Listener) -> Iterator[None]:
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)

    async def _begin(self) -> None:
        """Start to poll, from the newest part on, unless somebody listens already."""
        if self._polling is None or self._polling.done():
            with contextlib.suppress(LedgerError):
                self._position = await asyncio.to_thread(self._newest)
            self._polling = asyncio.create_task(self._poll())

    def _newest(self) -> FeedPosition:
        parts, events = self._archive.parts(PartFilter(), 1), self._archive.event_page(EventFilter(), 1)
        return FeedPosition(parts[0].number if parts else 0, events[0].number if events else 0)

    async def _poll(self) -> None:
        for turn in count():
            if not self._listeners:
                return
            try:
                self._send(await asyncio.to_thread(self._news))
                if turn % HEARTBEAT_EVERY == 0:
                    self._send(await asyncio.to_thread(self._changed_states))
                    self._send([_News(None, _message("heartbeat", self._heartbeat(), self._position))])
            except LedgerError as error:
                self._send([_News(None, _message("problem", FeedProblem(detail=str(error)), self._position))])
            await asyncio.sleep(POLL_INTERVAL_S)

    def _heartbeat(self) -> FeedHeartbeat:
        return FeedHeartbeat(now=utc_now(), newest_part=self._position.part or None)

    def _news(self) -> list[_News]:
        """Return what came since the last poll, and remember that it was sent."""
        rows = [*self._late_parts(), *self._parts_after(self._position.part, POLLED_PARTS)]
        events = self._events_after(self._position.event)
        part = max([self._position.part, *(row.number for row in rows)])
        self._gaps.add(sorted({*range(self._position.part + 1, part)} - {row.number for row in rows}))
        self._position = FeedPosition(part, max([self._position.event, *(row.number for row in events)]))
        return _news(rows, events, self._position)

    def _late_parts(self) -> list[PartRow]:
        due = self._gaps.due()
        found = [row for each in due for row in self._archive.parts(PartFilter(after=each - 1, before=each + 1), 1)]
        for row in found:
            self._gaps.left.pop(row.number, None)
        return found

    def _parts_after(self, number: int, limit: int) -> list[PartRow]:
        return self._archive.parts(PartFilter(after=number), limit)[::-1]

    def _events_after(self, number: int) -> list[EventRow]:
        return [row for row in self._archive.event_page(EventFilter(), POLLED_EVENTS) if row.number > number][::-1]

    def _changed_states(self) -> list[_News]:
        states = {view.line: LineStatusAnswer.of(view) for view in self._lines.views()}
        changed = [state for line, state in states.items() if self._states.get(line) != state]
        self._states = states
        return [_News(each.line, _message("line", each, self._position)) for each in changed]

    def _missed(self, since: FeedPosition) -> list[_News]:
        """Return what came since this position; a reset where that is too much."""
        until = self._position
        if not 0 <= until.part - since.part <= MAX_REPLAYED_PARTS:
            return [_News(None, _message("reset", self._heartbeat(), until))]
        rows = [row for row in self._parts_after(since.part, MAX_REPLAYED_PARTS) if row.number <= until.part]
        events = [row for row in self._events_after(since.event) if row.number <= until.event]
        return _news(rows, events, until)

    def _send(self, news: Sequence[_News]) -> None:
        for listener in self._listeners:
            if chunk := listener.text_of(news):
                listener.add(chunk, self._position)


class _News(NamedTuple):
    """One server-sent event, and the line that it is about; None: all browsers get it."""

    line: str | None
    text: bytes


class _Listener:
    """The chunks that wait for one browser. One that reads too slowly gets a reset instead of them.

    `lines` are those that its person may see; None: every line.
    """

    def __init__(self, lines: Collection[str] | None) -> None:
        self._lines = lines
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()

    def text_of(self, news: Iterable[_News]) -> bytes:
        """Return what this browser gets of the news."""
        return b"".join(each.text for each in news if self._lines is None or each.line in (None, *self._lines))

    def add(self, chunk: bytes, position: FeedPosition) -> None:
        if self._chunks.qsize() >= MAX_WAITING_CHUNKS:
            self._chunks = asyncio.Queue()
            chunk = _message("reset", FeedHeartbeat(now=utc_now(), newest_part=position.part), position)
        self._chunks.put_nowait(chunk)

    async def next(self) -> bytes:
        return await self._chunks.get()


def _news(rows: Iterable[PartRow], events: Iterable[EventRow], position: FeedPosition) -> list[_News]:
    sent = [_News(row.part.key.line, _message("part", PartSummary.of(row), position)) for row in rows]
    return [*sent, *(_News(row.event.line, _message("event", EventAnswer.of(row), position)) for row in events)]


def _message(kind: str, body: BaseModel, position: FeedPosition) -> bytes:
    """Return one server-sent event. JSON has no line ends of its own, so one `data` line holds it."""
    return f"id: {position}\nevent: {kind}\ndata: {body.model_dump_json()}\n\n".encode()
