"""The writing side of the ledger: asynchronous, one writer thread, a few reader threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Concatenate, Final, ParamSpec, Self, TypeVar

from sqlalchemy import Connection

from inspector.adapters.ledger import camera_minutes as series
from inspector.adapters.ledger import counter_runs as runs
from inspector.adapters.ledger import drafts as shadows
from inspector.adapters.ledger import guard, identities, part_sums, reads, writes
from inspector.adapters.ledger import picture_retention as letting_go
from inspector.adapters.ledger import reconciliation as books
from inspector.adapters.ledger.database import BUSY_TIMEOUT_S, Synchronous, open_engine, read
from inspector.adapters.ledger.review_queue import waiting_counts
from inspector.adapters.ledger.schema import require_head
from inspector.adapters.ledger.writer import MAX_GROUP, MAX_WAITING, GroupWriter, not_running
from inspector.domain.decision import Decision
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.part import PartRecord
from inspector.domain.part_identity import PartIdentity
from inspector.domain.pipeline import Retention
from inspector.domain.reconciliation import Ack, CountComparison, MissingAck, TriggerCount
from inspector.domain.report import Words
from inspector.domain.spans import Span
from inspector.domain.vote import Vote
from inspector.ports.archive import PartRow
from inspector.ports.broker import OutgoingMessage
from inspector.ports.camera_minutes import CameraMinute
from inspector.ports.drafts import Draft, ShadowDecision
from inspector.ports.guard import GuardedPart, GuardPause
from inspector.ports.ledger import (
    CameraActivity,
    CameraRow,
    Event,
    NewestRun,
    OpenPart,
    PartCandidate,
    PipelineVersion,
    Recorded,
    StoredVerdict,
)
from inspector.ports.reviews import WaitingCounts

Args = ParamSpec("Args")
Answer = TypeVar("Answer")

READER_THREADS: Final = 2


class SqlLedger:
    """A ledger: `async with SqlLedger(url) as ledger`. It belongs to the event loop in which it starts, once.

    `group` is how many writes may share a transaction, `waiting` how many may wait; further callers wait outside.
    `busy_s` is how long it waits for another process that is writing.
    """

    def __init__(
        self,
        url: str,
        *,
        synchronous: Synchronous = "FULL",
        group: int = MAX_GROUP,
        waiting: int = MAX_WAITING,
        busy_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self._reading = open_engine(url, writes=False, connections=READER_THREADS, busy_s=busy_s)
        self._writing = open_engine(url, writes=True, synchronous=synchronous, busy_s=busy_s)
        self._readers = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="ledger-reader")
        self._writer = GroupWriter(self._writing, group=group, waiting=waiting)
        self._stopped = False

    @property
    def held(self) -> int:
        """The number of submitted writes without a result; equals `waiting` when the database can't keep up."""
        return self._writer.held

    async def start(self) -> None:
        """Connect. Raises LedgerError if the database is away or has another schema than this program."""
        await self._read(require_head)
        self._writer.start()

    async def stop(self) -> None:
        """Finish what was submitted. Stopping twice is allowed."""
        self._stopped = True
        await self._writer.stop()
        await asyncio.to_thread(self._readers.shutdown)
        self._reading.dispose()
        self._writing.dispose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def find(self, identity: PartIdentity) -> StoredVerdict | None:
        return await self._read(identities.find, identity)

    async def candidates(self, key: FrameKey) -> list[PartCandidate]:
        return await self._read(identities.candidates, key)

    async def named(self, result_id: str) -> PartCandidate | None:
        """Return the part of this result, or None."""
        return await self._read(identities.named, result_id)

    async def open_parts(self, now: datetime, after_gate: timedelta) -> list[OpenPart]:
        return await self._read(identities.open_parts, now, after_gate)

    async def record(self, part: PartRecord, outgoing: Sequence[OutgoingMessage]) -> Recorded:
        return await self._writer.submit(writes.record_parts, writes.NewPart(part, tuple(outgoing)))

    async def finish_words(self, result_id: str, words: Words, outgoing: Sequence[OutgoingMessage]) -> None:
        await self._writer.submit(writes.finish_words, writes.FinishedWords(result_id, words, tuple(outgoing)))

    async def withdraw(self, result_id: str, decision: Decision, payload: bytes, *, in_time: bool = False) -> bool:
        return await self._writer.submit(writes.withdraw, writes.Withdrawal(result_id, decision, payload, in_time))

    async def unfinished_words(self, lines: Sequence[str]) -> list[PartRecord]:
        return await self._read(reads.unfinished_words, lines)

    async def unpublished(self, lines: Sequence[str] | None, limit: int) -> list[OutgoingMessage]:
        return await self._read(reads.unpublished, lines, limit)

    async def review_messages(self, lines: Sequence[str] | None, limit: int) -> list[OutgoingMessage]:
        return await self._read(reads.review_messages, lines, limit)

    async def waiting_counts(self, line: str) -> WaitingCounts:
        return await self._read(waiting_counts, line)

    async def confirm(self, message_ids: Sequence[str]) -> None:
        await self._writer.submit(writes.confirm, tuple(message_ids))

    async def pipelines(self) -> list[PipelineVersion]:
        return await self._read(reads.newest_pipelines)

    async def add_camera_activity(self, sightings: Sequence[CameraActivity]) -> None:
        await self._writer.submit(writes.add_camera_activity, tuple(sightings))

    async def add_camera_minutes(self, minutes: Sequence[CameraMinute]) -> None:
        await self._writer.submit(series.add_camera_minutes, tuple(minutes))

    async def cameras(self) -> list[CameraRow]:
        return await self._read(reads.all_cameras)

    async def add_events(self, events: Sequence[Event]) -> None:
        await self._writer.submit(writes.add_events, tuple(events))

    async def open_drafts(self) -> list[Draft]:
        return await self._read(shadows.open_drafts)

    async def undecided(self, draft: Draft, limit: int) -> list[PartRow]:
        return await self._read(shadows.undecided, draft, limit)

    async def add_shadow_decisions(self, decisions: Sequence[ShadowDecision]) -> None:
        await self._writer.submit(shadows.add_shadow_decisions, tuple(decisions))

    async def guarded_parts(self, line: str, after: int, limit: int) -> list[GuardedPart]:
        return await self._read(guard.guarded_parts, line, after, limit)

    async def pause_for_guard(self, pause: GuardPause) -> bool:
        return await self._writer.submit(guard.pause_for_guard, pause)

    async def newest_runs(self) -> list[NewestRun]:
        return await self._read(runs.newest_runs)

    async def decided_seqs(self, line: str, camera: str, run: int, first: int, last: int) -> list[int]:
        return await self._read(runs.decided_seqs, line, camera, run, Span(first, last))

    async def acknowledge(self, ack: Ack) -> Disposition | None:
        return await self._writer.submit(books.acknowledge, ack)

    async def unacknowledged(self, lines: Sequence[str] | None, now: datetime) -> list[MissingAck]:
        return await self._writer.submit(books.take_overdue, books.OverdueQuery(lines, now))

    async def add_count(self, count: TriggerCount) -> None:
        await self._writer.submit(books.add_counts, count)

    async def compare_counts(self, lines: Sequence[str] | None, before: datetime) -> list[CountComparison]:
        found = await self._read(books.compare, lines, before)  # counts many parts: writes must not wait for it
        if found:
            await self._writer.submit(books.note_compared, found)
        return found

    async def add_shadow(self, result_id: str, votes: Sequence[Vote]) -> None:
        await self._writer.submit(writes.add_shadow, writes.ShadowVotes(result_id, tuple(votes)))

    async def release_pictures(self, line: str, retention: Retention, now: datetime) -> bool:
        return await self._writer.submit(letting_go.release, letting_go.RetentionStep(line, retention, now))

    async def due_pictures(self, limit: int) -> Sequence[str]:
        while True:
            unneeded, needed = await self._read(letting_go.due_pictures, limit)
            if needed:
                await self._writer.submit(letting_go.unmark, needed)
            if unneeded or not needed:
                return unneeded

    async def forget_minutes(self, now: datetime) -> None:
        await self._writer.submit(part_sums.forget_minutes, now)

    async def pictures_removed(self, sha256s: Sequence[str]) -> None:
        await self._writer.submit(letting_go.note_removed, tuple(sha256s))

    async def _read(
        self, query: Callable[Concatenate[Connection, Args], Answer], *args: Args.args, **kwargs: Args.kwargs
    ) -> Answer:
        if self._stopped:
            raise not_running()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, lambda: read(self._reading, query, *args, **kwargs))
