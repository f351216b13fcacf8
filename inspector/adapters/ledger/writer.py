"""One thread that writes for everybody: what gathers while a transaction commits shares the next one.

Knows transactions and waiting callers; not what is written. A disk can flush only some hundred times a second,
so parts that share a flush are what makes thousands of durable parts a second possible.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from inspector.adapters.ledger.database import refusal
from inspector.errors import LedgerError

Item = TypeVar("Item")
Result = TypeVar("Result")
Batch = Callable[[Connection, Sequence[Item]], Sequence[Result]]
Outcome = object | LedgerError

GROUP: Final = 128
WAITING: Final = 1024
ATTEMPTS: Final = 3
AGAIN: Final = ("40001", "40P01")  # serialization failure, deadlock


@dataclass(eq=False, slots=True)
class Write:
    """One write and the caller who waits for its commit."""

    batch: Batch[Any, Any]
    item: object
    done: asyncio.Future[Any]


WriteAll = Callable[[Connection, list[Write]], list[Outcome]]


class Writer:
    """Belongs to the event loop that starts it. At most `waiting` writes are held; further callers wait outside."""

    def __init__(self, engine: Engine, *, group: int = GROUP, waiting: int = WAITING) -> None:
        self._engine = engine
        self._group = group
        self._room = asyncio.Semaphore(waiting)
        self._held = 0
        self._queue: SimpleQueue[Write | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop

    @property
    def held(self) -> int:
        """Writes handed in and not yet answered."""
        return self._held

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Finishes what was handed in; what comes later is refused."""
        thread, self._thread = self._thread, None
        if thread:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)

    async def submit(self, batch: Batch[Item, Result], item: Item) -> Result:
        """The result of `batch` for this item, after the commit. A caller who is cancelled meanwhile does not
        stop the write. Raises LedgerError when it could not be committed; then nothing of it was."""
        await self._room.acquire()
        if self._thread is None:
            self._room.release()
            raise not_running()
        self._held += 1
        done: asyncio.Future[Result] = self._loop.create_future()
        self._queue.put(Write(batch, item, done))
        return await done

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        while group := self._next_group():
            outcomes = self._commit(group)
            with suppress(RuntimeError):  # the loop has ended, and everybody who waited with it
                self._loop.call_soon_threadsafe(self._tell, group, outcomes)

    def _next_group(self) -> list[Write]:
        """Waits for a write and takes those that stand behind it; empty when the writer is to stop."""
        group: list[Write] = []
        write = self._queue.get()
        with suppress(Empty):
            while write is not None:
                group.append(write)
                if len(group) == self._group:
                    return group
                write = self._queue.get_nowait()
            if group:
                self._queue.put(None)  # the sign to stop is for the next round
        return group

    def _commit(self, group: list[Write]) -> list[Outcome]:
        """All in one transaction; when one of them spoils it, again with each on its own savepoint. The database
        may refuse a value in many ways, so any exception counts: it goes to the caller who sent the value."""
        try:
            return self._transact_patiently(_together, group)
        except Exception as error:
            if _is_away(error) or len(group) == 1:
                return [_refused(error) for _ in group]
        try:
            return self._transact_patiently(_one_by_one, group)
        except Exception as error:
            return [_refused(error) for _ in group]

    def _transact_patiently(self, write_all: WriteAll, group: list[Write]) -> list[Outcome]:
        """Another process may have been in the way: the database then asks to begin again."""
        for _ in range(ATTEMPTS - 1):
            try:
                return self._transact(write_all, group)
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) not in AGAIN:
                    raise
        return self._transact(write_all, group)

    def _transact(self, write_all: WriteAll, group: list[Write]) -> list[Outcome]:
        with self._engine.begin() as connection:
            return write_all(connection, group)

    # ------------------------------------------------------------------ in the loop

    def _tell(self, group: list[Write], outcomes: list[Outcome]) -> None:
        for write, outcome in zip(group, outcomes, strict=True):
            self._held -= 1
            self._room.release()
            if write.done.done():
                continue
            if isinstance(outcome, LedgerError):
                write.done.set_exception(outcome)
            else:
                write.done.set_result(outcome)


def not_running() -> LedgerError:
    return LedgerError("the ledger is not running; start it first, and use it before it stops")


def _together(connection: Connection, group: list[Write]) -> list[Outcome]:
    """Like writes go in one statement, in the order in which they came."""
    batches: dict[Batch[Any, Any], list[Write]] = {}
    for write in group:
        batches.setdefault(write.batch, []).append(write)
    outcomes: dict[Write, Outcome] = {}
    for batch, writes in batches.items():
        outcomes |= zip(writes, batch(connection, [write.item for write in writes]), strict=True)
    return [outcomes[write] for write in group]


def _one_by_one(connection: Connection, group: list[Write]) -> list[Outcome]:
    return [_alone(connection, write) for write in group]


def _alone(connection: Connection, write: Write) -> Outcome:
    try:
        with connection.begin_nested():
            outcome: Outcome = write.batch(connection, [write.item])[0]
            return outcome
    except Exception as error:
        if _is_away(error):
            raise
        return _refused(error)


def _is_away(error: Exception) -> bool:
    """Whether the database can't write at all now, whatever the value: gone, locked, full, read-only."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, OperationalError | InterfaceError)


def _refused(error: Exception) -> LedgerError:
    if isinstance(error, LedgerError):
        return error
    told = refusal("the ledger could not write", error)
    told.__cause__ = error
    return told
