"""Answers that gates get before the ledger has their parts: a journal keeps them, so that no restart decides again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from inspector.errors import LedgerError
from inspector.messages.outgoing import EventSeverity
from inspector.ports.answers import AnsweredPart, AnswerJournal
from inspector.station.event_log import NO_LINE, EventLog
from inspector.station.worker_threads import WorkerThreads

KEEP_WAIT_S: Final = 0.02  # a gate waits no longer for the journal
READ_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0
MAX_WAITING_CHANGES: Final = 70_000  # for a journal that hangs; more than one frame in flight each
FULL: Final = "too many answers wait for the journal"


class Change(NamedTuple):
    """An answer to keep, or the result id of one that the ledger has now."""

    answered: AnsweredPart | None
    recorded: str
    done: asyncio.Future[None]


class EarlyAnswers:
    """The answers of one station, for its event loop only. A journal that fails or hangs delays no answer."""

    def __init__(self, journal: AnswerJournal, events: EventLog) -> None:
        self._journal = journal
        self._events = events
        self._thread = WorkerThreads("answers", 1)
        self._waiting: list[Change] = []
        self._kept: set[str] = set()
        self._writing: asyncio.Task[None] | None = None

    async def read(self) -> list[AnsweredPart]:
        """Return what earlier processes answered and did not see recorded."""
        try:
            found = await asyncio.wait_for(self._thread.run(self._journal.read), READ_TIMEOUT_S)
        except (LedgerError, TimeoutError) as error:
            self._report(str(error) or "the journal of answers can't be read")
            return []
        self._kept.update(each.part.result_id for each in found)
        return found

    async def keep(self, answered: AnsweredPart) -> None:
        """Keep an answer that is about to be published; return when it is durable, or when its gate can't wait."""
        self._kept.add(answered.part.result_id)
        await asyncio.wait({self._add(answered, "")}, timeout=KEEP_WAIT_S)

    def drop(self, result_id: str) -> None:
        """Forget an answer whose part the ledger has. A part that was never kept is allowed."""
        if result_id in self._kept:
            self._kept.discard(result_id)
            self._add(None, result_id)

    async def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write what waits. What the ledger still lacks stays for the next process."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.flush(), timeout_s)
            await asyncio.wait_for(self._thread.run(self._journal.close), timeout_s)

    async def flush(self) -> None:
        """Wait until the journal holds every change."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    def _add(self, answered: AnsweredPart | None, recorded: str) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(self._waiting) >= MAX_WAITING_CHANGES:
            self._report(FULL)
            done.set_result(None)
            return done
        self._waiting.append(Change(answered, recorded, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return done

    async def _write(self) -> None:
        """Write all changes, those that came meanwhile together."""
        while self._waiting:
            changes, self._waiting = self._waiting, []
            answered = [each.answered for each in changes if each.answered]
            recorded = [each.recorded for each in changes if each.recorded]
            try:
                await self._thread.run(partial(self._journal.write, answered, recorded))
            except LedgerError as error:
                self._report(str(error))
            for each in changes:
                each.done.set_result(None)

    def _report(self, text: str) -> None:
        self._events.add("ANSWERS_NOT_KEPT", text, line=NO_LINE, severity=EventSeverity.ALARM)
