"""Looks for damage in the file of an SQLite database, for a bounded time. Servers check their own files."""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from inspector.adapters.ledger.database import open_engine, parse, read, sqlite_file

STEPS_PER_LOOK: Final = 100_000  # instructions of SQLite between two looks at the clock
MAX_SHOWN: Final = 3  # kinds of damage in one result


class Integrity(NamedTuple):
    """The result of a check: the damage found, and whether the whole file was read in time."""

    damage: tuple[str, ...]
    is_complete: bool


def database_exists(url: str) -> bool:
    """Return whether there is a file to check; True for a server."""
    file = sqlite_file(parse(url))
    return file is None or file.exists()


def check_integrity(url: str, limit_s: float) -> Integrity:
    """Check the file's structure and its indexes. Raises LedgerError if it can't be read at all."""
    if sqlite_file(parse(url)) is None:
        return Integrity((), is_complete=True)
    engine = open_engine(url, writes=False)
    try:
        return read(engine, _check, time.monotonic() + limit_s)
    finally:
        engine.dispose()


def _check(connection: Connection, end_s: float) -> Integrity:
    driver: Any = connection.connection.dbapi_connection
    driver.set_progress_handler(lambda: time.monotonic() > end_s, STEPS_PER_LOOK)
    try:
        rows = connection.exec_driver_sql(f"PRAGMA integrity_check({MAX_SHOWN})").scalars().all()
    except SQLAlchemyError:
        if time.monotonic() > end_s:
            return Integrity((), is_complete=False)
        raise
    finally:
        driver.set_progress_handler(None, 0)
    return Integrity(tuple(line for row in rows if row != "ok" for line in str(row).splitlines()[:1]), is_complete=True)
