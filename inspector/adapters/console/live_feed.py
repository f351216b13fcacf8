"""New parts, events and states of lines for open browsers: read once from the ledger, sent to all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final, NamedTuple, Protocol, Self, TypeVar

from pydantic import BaseModel

from inspector.adapters.console.schemas import EventAnswer, FeedHeartbeat, FeedProblem, LineStatusAnswer, PartSummary
from inspector.errors import LedgerError
from inspector.lines.states import LineStates
from inspector.ports.archive import Archive, EventFilter, EventRow, PartFilter, PartRow
from inspector.utc import utc_now

POLL_INTERVAL_S: Final = 0.25
HEARTBEAT_EVERY: Final = 4  # polls
POLLED_ROWS: Final = 200  # parts, and events, read at once; the next poll reads on
MAX_REPLAYED: Final = 1000  # parts, and events, for a browser that comes again; after a longer absence it gets a reset
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


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...


NewRow = TypeVar("NewRow", bound=_Numbered)


@dataclass(slots=True)
class _Gaps:
    """Numbers below the newest one that were not seen: another process may commit them late."""

    left: dict[int, int] = field(default_factory=dict)

    def note(self, after: int, rows: Sequence[_Numbered]) -> int:
        """Note which numbers are missing between this one and the newest row's; return that of the newest row."""
        seen = {row.number for row in rows}
        newest = max(seen, default=after)
        for number in range(after + 1, newest):
            if len(self.left) >= MAX_GAPS:
                break
            if number not in seen:
                self.left[number] = GAP_POLLS
        return max(after, newest)

    def late(self, read: Callable[[int], Sequence[NewRow]]) -> list[NewRow]:
        """Read the numbers that are looked for, each GAP_POLLS times; return the rows that are there now."""
        due = list(self.left)
        self.left = {number: polls - 1 for number, polls in self.left.items() if polls > 1}
        found = [row for each in due for row in read(each)]
        for row in found:
            self.left.pop(row.number, None)
        return found


class LiveFeed:
    """Reads the ledger every POLL_INTERVAL_S while somebody listens."""

    def __init__(self, archive: Archive, lines: LineStates) -> None:
        self._archive = archive
        self._lines = lines
        self._listeners: set[_Listener] = set()
        self._polling: asyncio.Task[None] | None = None
        self._position = FeedPosition(0, 0)
        self._is_lost = False  # where the feed begins could not be read
        self._part_gaps, self._event_gaps = _Gaps(), _Gaps()
        self._states: dict[str, LineStatusAnswer] = {}

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    async def listen(self, since: FeedPosition | None, lines: Collection[str] | None = None) -> AsyncIterator[bytes]:
        """Yield server-sent events from this position on; from now on without one. `lines` are all that is sent of."""
        listener = _Listener(lines)
        with self._listening(listener):
            await self._begin()
            yield _message("heartbeat", self._heartbeat(), since or self._position)  # what was missed comes after it
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
            try:
                self._position, self._is_lost = await asyncio.to_thread(self._newest), False
            except LedgerError:
                self._is_lost = True
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
        """Return what came since the last poll, and remember that it was sent; a reset where that is unknown."""
        if self._is_lost:
            self._position, self._is_lost = self._newest(), False
            return [self._reset(self._position)]
        before = self._position
        parts, events = self._parts_after(before.part, POLLED_ROWS), self._events_after(before.event, POLLED_ROWS)
        late_parts, late_events = self._part_gaps.late(self._part), self._event_gaps.late(self._event)
        part, event = self._part_gaps.note(before.part, parts), self._event_gaps.note(before.event, events)
        self._position = FeedPosition(part, event)
        return _news([*late_parts, *parts], [*late_events, *events], before)

    def _part(self, number: int) -> list[PartRow]:
        return self._archive.parts(PartFilter(after=number - 1, before=number + 1), 1)

    def _event(self, number: int) -> list[EventRow]:
        return self._archive.event_page(EventFilter(after=number - 1, before=number + 1), 1)

    def _parts_after(self, number: int, limit: int) -> list[PartRow]:
        return self._archive.parts(PartFilter(after=number), limit)[::-1]

    def _events_after(self, number: int, limit: int) -> list[EventRow]:
        return self._archive.event_page(EventFilter(after=number), limit)[::-1]

    def _reset(self, position: FeedPosition) -> _News:
        return _News(None, _message("reset", self._heartbeat(), position))

    def _changed_states(self) -> list[_News]:
        states = {view.line: LineStatusAnswer.of(view) for view in self._lines.views()}
        changed = [state for line, state in states.items() if self._states.get(line) != state]
        self._states = states
        return [_News(each.line, _message("line", each, self._position)) for each in changed]

    def _missed(self, since: FeedPosition) -> list[_News]:
        """Return what came since this position; a reset where that is too much."""
        until = self._position
        if any(not 0 <= newest - had <= MAX_REPLAYED for newest, had in zip(until, since, strict=True)):
            return [self._reset(until)]
        rows = [row for row in self._parts_after(since.part, MAX_REPLAYED) if row.number <= until.part]
        events = [row for row in self._events_after(since.event, MAX_REPLAYED) if row.number <= until.event]
        return _news(rows, events, since)

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


def _news(parts: Iterable[PartRow], events: Iterable[EventRow], before: FeedPosition) -> list[_News]:
    """Return news after this position. The id of each is the position once it is read: a stream may break off there."""
    sent, (part, event) = list[_News](), before
    for row in parts:
        part = max(part, row.number)
        sent.append(_News(row.part.key.line, _message("part", PartSummary.of(row), FeedPosition(part, event))))
    for noted in events:
        event = max(event, noted.number)
        sent.append(_News(noted.event.line, _message("event", EventAnswer.of(noted), FeedPosition(part, event))))
    return sent


def _message(kind: str, body: BaseModel, position: FeedPosition) -> bytes:
    """Return one server-sent event. JSON has no line ends of its own, so one `data` line holds it."""
    return f"id: {position}\nevent: {kind}\ndata: {body.model_dump_json()}\n\n".encode()
