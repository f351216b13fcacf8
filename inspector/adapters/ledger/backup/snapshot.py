"""The whole ledger at one moment, table by table, in values that JSON can represent. Knows tables, no files."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, DateTime, LargeBinary, Table, select
from sqlalchemy.types import TypeDecorator

from inspector.adapters.ledger.database import ledger_errors, open_engine, read, value_pages
from inspector.adapters.ledger.picture_retention import pinned
from inspector.adapters.ledger.schema import current_revision, require_head
from inspector.adapters.ledger.tables import evidence, metadata

ROWS_PER_BATCH: Final = 1000


class TableCopy(NamedTuple):
    """One table. `kinds` tells for each column whether it holds a time, bytes, or a plain JSON value."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: Iterable[list[Any]]


class Snapshot:
    """A ledger at one moment. It sees no later writes and blocks none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.revision = current_revision(connection)

    def tables(self) -> Iterator[TableCopy]:
        """Yield each table after those that it refers to. Read its rows before asking for the next one."""
        for table in metadata.sorted_tables:
            kinds = tuple(_kind(column.type) for column in table.columns)
            yield TableCopy(table.name, tuple(table.columns.keys()), kinds, self._rows(table, kinds))

    def pictures(self) -> list[str]:
        """Return the sha256 of every picture that the ledger has not removed, and of those that it pins."""
        held = self._connection.scalars(select(evidence.c.sha256).where(evidence.c.removal.is_(None)))
        return sorted(pinned(self._connection).union(held))

    def _rows(self, table: Table[Any], kinds: Sequence[str]) -> Iterator[list[Any]]:
        encoders = [ENCODERS[kind] for kind in kinds]
        keys = list(table.primary_key.columns)
        whole = select(table).order_by(*keys).execution_options(yield_per=ROWS_PER_BATCH)
        for row in self._connection.execute(whole):
            yield [None if value is None else encode(value) for encode, value in zip(encoders, row, strict=True)]


@contextmanager
def open_snapshot(url: str) -> Iterator[Snapshot]:
    """Open a snapshot. Raises LedgerError if the database can't be read or has another schema than this program."""
    engine = open_engine(url, writes=False)
    try:
        with ledger_errors("the ledger can't be copied"), engine.connect() as connection:
            require_head(connection)
            yield Snapshot(connection)
    finally:
        engine.dispose()


def removed_pictures(url: str, pictures: Sequence[str]) -> set[str]:
    """Return which of these pictures the ledger has removed since."""
    engine = open_engine(url, writes=False)
    try:
        return read(engine, _let_go, pictures)
    finally:
        engine.dispose()


def _let_go(connection: Connection, pictures: Sequence[str]) -> set[str]:
    marked = select(evidence.c.sha256).where(evidence.c.removal.is_not(None))
    return {
        sha256
        for some in value_pages(pictures)
        for sha256 in connection.scalars(marked.where(evidence.c.sha256.in_(some)))
    }


def _kind(kind: Any) -> str:
    inner = kind.impl if isinstance(kind, TypeDecorator) else kind
    if isinstance(inner, DateTime):
        return "time"
    return "bytes" if isinstance(inner, LargeBinary) else "plain"


def unchanged(value: Any) -> Any:
    return value


ENCODERS: Final[dict[str, Callable[[Any], Any]]] = {
    "time": datetime.isoformat,
    "bytes": lambda value: base64.b64encode(value).decode(),
    "plain": unchanged,
}
