"""Outages of the service's database: SQLite is locked longer than the service waits, PostgreSQL is killed
(`postgres.py`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

from inspector.adapters.ledger import SqlArchive
from inspector.adapters.ledger.database import BUSY_TIMEOUT_S
from inspector.domain.part import PartRecord
from inspector.lab.chaos.report import StoredPart
from inspector.ports.archive import PartFilter
from inspector.settings import sqlite_url

LOCK_DURATION_S: Final = BUSY_TIMEOUT_S + 2.0
PARTS_PER_PAGE: Final = 500


class StoppableDatabase(Protocol):
    """A database that can be made unavailable. `away_s` is long enough for the service to notice."""

    url: str
    away_s: float

    def away(self) -> AbstractContextManager[None]:
        """Make every write fail for the length of the block."""


class LockableSqlite:
    """An SQLite file that another connection locks."""

    away_s = LOCK_DURATION_S

    def __init__(self, file: Path) -> None:
        self.url = sqlite_url(file)
        self._file = file

    @contextmanager
    def away(self) -> Iterator[None]:
        with closing(sqlite3.connect(self._file, isolation_level=None, timeout=LOCK_DURATION_S)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")


def stored_parts(url: str, line: str, page: int = PARTS_PER_PAGE) -> dict[str, StoredPart]:
    """Return every stored part of the line by trigger_id. Raises LedgerError."""
    found: dict[str, StoredPart] = {}
    after = 0
    with closing(SqlArchive(url)) as archive:
        while rows := archive.parts(PartFilter(line=line, after=after), page):
            after = rows[0].number
            found |= {row.part.key.trigger_id: _stored(row.part) for row in rows}
    return found


def _stored(part: PartRecord) -> StoredPart:
    return StoredPart(part.result_id, part.decision.disposition, len(part.votes))
