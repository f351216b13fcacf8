"""The whole ledger as it was at one moment, table by table, in values that JSON can carry; and back into a database
of either kind. Knows tables; nothing of files.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, DateTime, LargeBinary, MetaData, Table, func, inspect, select, text
from sqlalchemy.types import TypeDecorator

from inspector.errors import LedgerError
from inspector.ledger.database import open_engine, pages, read, translated
from inspector.ledger.schema import (
    UPGRADING,
    current_revision,
    make_folder,
    migrate,
    require_head,
    require_known,
    wait_for_others,
)
from inspector.ledger.tables import evidence, metadata, pipeline_versions

BATCH: Final = 1000
VERSION_TABLE: Final = "alembic_version"
COUNTERS: Final = tuple(table for table in metadata.sorted_tables if "number" in table.primary_key.columns)


class TableCopy(NamedTuple):
    """One table. `kinds` says of each column whether it holds a time, bytes, or what JSON knows by itself."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: Iterable[list[Any]]


class Snapshot:
    """A ledger at one moment. What is written after that is not seen, and waits for nobody."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.revision = current_revision(connection)

    def tables(self) -> Iterator[TableCopy]:
        """Each table after those that it refers to; read its rows before asking for the next one."""
        for table in metadata.sorted_tables:
            kinds = tuple(_kind(column.type) for column in table.columns)
            yield TableCopy(table.name, tuple(table.columns.keys()), kinds, self._rows(table, kinds))

    def pictures(self) -> list[str]:
        """The sha256 of every picture that the ledger has not let go, golden samples included."""
        kept = set(self._connection.scalars(select(evidence.c.sha256).where(evidence.c.removal.is_(None))))
        golden = self._connection.scalars(select(pipeline_versions.c.golden))
        return sorted(kept.union(*golden))

    def _rows(self, table: Table[Any], kinds: Sequence[str]) -> Iterator[list[Any]]:
        encoders = [ENCODERS[kind] for kind in kinds]
        keys = list(table.primary_key.columns)
        whole = select(table).order_by(*keys).execution_options(yield_per=BATCH)
        for row in self._connection.execute(whole):
            yield [None if value is None else encode(value) for encode, value in zip(encoders, row, strict=True)]


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """Raises LedgerError when the database can't be read, or has another schema than this code."""
    engine = open_engine(url, writes=False)
    try:
        with translated("the ledger can't be copied"), engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            require_head(connection)
            yield Snapshot(connection)
    finally:
        engine.dispose()


def let_go(url: str, pictures: Sequence[str]) -> set[str]:
    """Which of these pictures the ledger has let go by now."""
    engine = open_engine(url, writes=False)
    try:
        return read(engine, _let_go, pictures)
    finally:
        engine.dispose()


def require_room(url: str) -> None:
    """Raises LedgerError when the database holds a ledger already."""
    make_folder(url)
    engine = open_engine(url, writes=False, creates=True)
    try:
        read(engine, _require_room)
    finally:
        engine.dispose()


def restore_tables(url: str, revision: str, tables: Iterable[TableCopy], *, force: bool) -> None:
    """Makes the database what the tables say, all or nothing, and brings it to the schema of this code. Raises
    LedgerError, changing nothing, when it holds a ledger already, unless `force` replaces that."""
    require_known(revision, "the backup")
    make_folder(url)
    engine = open_engine(url, writes=True, creates=True)
    try:
        with UPGRADING, translated("the ledger can't be restored"), engine.begin() as connection:
            wait_for_others(connection)
            _make_room(connection, force=force)
            migrate(connection, revision)
            _fill(connection, tables)
            migrate(connection, "head")
            _go_on_counting(connection)
    finally:
        engine.dispose()


def _let_go(connection: Connection, pictures: Sequence[str]) -> set[str]:
    marked = select(evidence.c.sha256).where(evidence.c.removal.is_not(None))
    return {
        sha256 for some in pages(pictures) for sha256 in connection.scalars(marked.where(evidence.c.sha256.in_(some)))
    }


def _make_room(connection: Connection, *, force: bool) -> None:
    """Our own tables only: a server's database may hold others."""
    if not force:
        _require_room(connection)
    _reflected(connection).drop_all(connection)


def _require_room(connection: Connection) -> None:
    there = _reflected(connection)
    held = [
        table.name for table in there.sorted_tables if table.name != VERSION_TABLE and _holds_rows(connection, table)
    ]
    if held:
        raise LedgerError(
            f"the database holds a ledger already ({', '.join(held)}); restore into an empty one, or replace it for "
            "good with --force"
        )


def _reflected(connection: Connection) -> MetaData:
    ours = {*metadata.tables, VERSION_TABLE} & set(inspect(connection).get_table_names())
    there = MetaData()
    there.reflect(connection, only=sorted(ours))
    return there


def _holds_rows(connection: Connection, table: Table[Any]) -> bool:
    return connection.execute(select(table).limit(1)).first() is not None


def _fill(connection: Connection, tables: Iterable[TableCopy]) -> None:
    """Into the tables as they were when the copy was made, which the database knows better than this code."""
    there = _reflected(connection)
    for copy in tables:
        decoders = [DECODERS[kind] for kind in copy.kinds]
        rows = iter(copy.rows)
        while batch := list(islice(rows, BATCH)):
            filled = [dict(zip(copy.columns, _decoded(row, decoders), strict=True)) for row in batch]
            connection.execute(there.tables[copy.name].insert(), filled)


def _go_on_counting(connection: Connection) -> None:
    """PostgreSQL numbers new rows by a counter of its own, which knows nothing of rows that brought their numbers."""
    if connection.dialect.name != "postgresql":
        return
    for table in COUNTERS:
        counter = func.pg_get_serial_sequence(table.name, "number")
        last = select(func.max(table.c.number)).scalar_subquery()
        connection.execute(select(func.setval(counter, last)).where(text(f"EXISTS (SELECT 1 FROM {table.name})")))


def _decoded(row: Sequence[Any], decoders: Sequence[Callable[[Any], Any]]) -> list[Any]:
    return [None if value is None else decode(value) for decode, value in zip(decoders, row, strict=True)]


def _kind(kind: Any) -> str:
    inner = kind.impl if isinstance(kind, TypeDecorator) else kind
    if isinstance(inner, DateTime):
        return "time"
    return "bytes" if isinstance(inner, LargeBinary) else "plain"


def _same(value: Any) -> Any:
    return value


ENCODERS: Final[dict[str, Callable[[Any], Any]]] = {
    "time": datetime.isoformat,
    "bytes": lambda value: base64.b64encode(value).decode(),
    "plain": _same,
}
DECODERS: Final[dict[str, Callable[[Any], Any]]] = {
    "time": datetime.fromisoformat,
    "bytes": base64.b64decode,
    "plain": _same,
}
