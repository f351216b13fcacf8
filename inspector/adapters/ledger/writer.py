"""One thread writes for all callers: writes that arrive during a commit share the next transaction.

A disk flushes only some hundred times a second. Parts that share a flush make thousands of durable parts per second
possible. Knows transactions and callers, not what is written.
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

MAX_GROUP: Final = 128
MAX_WAITING: Final = 1024
MAX_ATTEMPTS: Final = 3
RETRYABLE_STATES: Final = ("40001", "40P01")  # serialization failure, deadlock


@dataclass(eq=False, slots=True)
class PendingWrite:
    """One write, and the caller that waits for its commit."""

    batch: Batch[Any, Any]
    item: object
    done: asyncio.Future[Any]


WriteAll = Callable[[Connection, list[PendingWrite]], list[Outcome]]


class GroupWriter:
    """A writer of the event loop that starts it. It holds at most `waiting` writes; further callers wait outside."""

    def __init__(self, engine: Engine, *, group: int = MAX_GROUP, waiting: int = MAX_WAITING) -> None:
        self._engine = engine
        self._group = group
        self._room = asyncio.Semaphore(waiting)
        self._held = 0
        self._queue: SimpleQueue[PendingWrite | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop

    @property
    def held(self) -> int:
        """The number of submitted writes without a result."""
        return self._held

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Finish what was submitted; refuse later writes."""
        thread, self._thread = self._thread, None
        if thread:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)

    async def submit(self, batch: Batch[Item, Result], item: Item) -> Result:
        """Return the result of `batch` for this item, after the commit.

        Cancelling the caller does not stop the write. Raises LedgerError if it was not committed; then nothing of it
        was written.
        """
        await self._room.acquire()
        if self._thread is None:
            self._room.release()
            raise not_running()
        self._held += 1
        done: asyncio.Future[Result] = self._loop.create_future()
        self._queue.put(PendingWrite(batch, item, done))
        return await done

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        while group := self._next_group():
            outcomes = self._commit(group)
            with suppress(RuntimeError):  # the loop has ended, and all waiting callers with it
                self._loop.call_soon_threadsafe(self._tell, group, outcomes)

    def _next_group(self) -> list[PendingWrite]:
        """Wait for a write and take those behind it; empty to stop."""
        group: list[PendingWrite] = []
        write = self._queue.get()
        with suppress(Empty):
            while write is not None:
                group.append(write)
                if len(group) == self._group:
                    return group
                write = self._queue.get_nowait()
            if group:
                self._queue.put(None)  # the stop marker is for the next round
        return group

    def _commit(self, group: list[PendingWrite]) -> list[Outcome]:
        """Write all in one transaction; if one spoils it, again with each on its own savepoint.

        The database may refuse a value in many ways, so any exception goes to the caller who sent the value.
        """
        try:
            return self._transact_patiently(_together, group)
        except Exception as error:
            if _is_away(error) or len(group) == 1:
                return [_refused(error) for _ in group]
        try:
            return self._transact_patiently(_one_by_one, group)
        except Exception as error:
            return [_refused(error) for _ in group]

    def _transact_patiently(self, write_all: WriteAll, group: list[PendingWrite]) -> list[Outcome]:
        """Retry a transaction that another process disturbed."""
        for _ in range(MAX_ATTEMPTS - 1):
            try:
                return self._transact(write_all, group)
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) not in RETRYABLE_STATES:
                    raise
        return self._transact(write_all, group)

    def _transact(self, write_all: WriteAll, group: list[PendingWrite]) -> list[Outcome]:
        with self._engine.begin() as connection:
            return write_all(connection, group)

    # ------------------------------------------------------------------ in the loop

    def _tell(self, group: list[PendingWrite], outcomes: list[Outcome]) -> None:
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


def _together(connection: Connection, group: list[PendingWrite]) -> list[Outcome]:
    """Write like items in one statement, in order of arrival."""
    batches: dict[Batch[Any, Any], list[PendingWrite]] = {}
    for write in group:
        batches.setdefault(write.batch, []).append(write)
    outcomes: dict[PendingWrite, Outcome] = {}
    for batch, writes in batches.items():
        outcomes |= zip(writes, batch(connection, [write.item for write in writes]), strict=True)
    return [outcomes[write] for write in group]


def _one_by_one(connection: Connection, group: list[PendingWrite]) -> list[Outcome]:
    return [_alone(connection, write) for write in group]


def _alone(connection: Connection, write: PendingWrite) -> Outcome:
    try:
        with connection.begin_nested():
            outcome: Outcome = write.batch(connection, [write.item])[0]
            return outcome
    except Exception as error:
        if _is_away(error):
            raise
        return _refused(error)


def _is_away(error: Exception) -> bool:
    """Return whether the database can't write any value now: gone, locked, full, read-only."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, OperationalError | InterfaceError)


def _refused(error: Exception) -> LedgerError:
    if isinstance(error, LedgerError):
        return error
    error_for_caller = refusal("the ledger could not write", error)
    error_for_caller.__cause__ = error
    return error_for_caller
