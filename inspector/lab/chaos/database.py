"""The service's database, taken away from it: SQLite is locked by somebody else for longer than the service waits,
PostgreSQL is killed (`postgres.py`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

from inspector.adapters.ledger import SqlArchive
from inspector.adapters.ledger.database import BUSY_S
from inspector.domain.part import PartRecord
from inspector.lab.chaos.tally import Stored
from inspector.ports.archive import PartFilter

LOCK_S: Final = BUSY_S + 2.0
PAGE: Final = 500


class Database(Protocol):
    """`away_s` is how long it should be away so that the service must notice."""

    url: str
    away_s: float

    def away(self) -> AbstractContextManager[None]:
        """Nothing can be stored for the length of the block."""


class LockableFile:
    """An SQLite file."""

    away_s = LOCK_S

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self._file = file

    @contextmanager
    def away(self) -> Iterator[None]:
        with closing(sqlite3.connect(self._file, isolation_level=None, timeout=LOCK_S)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")


def stored_parts(url: str, line: str, page: int = PAGE) -> dict[str, Stored]:
    """Every part of the line by trigger_id. Raises LedgerError."""
    found: dict[str, Stored] = {}
    after = 0
    with closing(SqlArchive(url)) as archive:
        while rows := archive.parts(PartFilter(line=line, after=after), page):
            after = rows[0].number
            found |= {row.part.key.trigger_id: _stored(row.part) for row in rows}
    return found


def _stored(part: PartRecord) -> Stored:
    return Stored(part.result_id, part.decision.disposition, len(part.votes))
