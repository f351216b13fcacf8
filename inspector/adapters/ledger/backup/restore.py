"""Restores the tables of a snapshot into a database of either kind. Knows tables, no files."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, MetaData, Table, func, inspect, select, text

from inspector.adapters.ledger.backup.snapshot import ROWS_PER_BATCH, TableCopy, unchanged
from inspector.adapters.ledger.database import (
    ledger_errors,
    open_engine,
    parse,
    read,
    require_references,
    sqlite_file,
)
from inspector.adapters.ledger.integrity import database_exists
from inspector.adapters.ledger.rebuild_sums import fill_sums
from inspector.adapters.ledger.schema import UPGRADE_LOCK, make_folder, migrate, require_known, wait_for_upgrades
from inspector.adapters.ledger.tables import metadata
from inspector.errors import LedgerError
from inspector.text import printable

SQLITE_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")  # of the files of one database
VERSION_TABLE: Final = "alembic_version"
COUNTERS: Final = tuple(table for table in metadata.sorted_tables if "number" in table.primary_key.columns)
DECODERS: Final[dict[str, Callable[[Any], Any]]] = {
    "time": datetime.fromisoformat,
    "bytes": base64.b64decode,
    "plain": unchanged,
}


def require_empty(url: str) -> None:
    """Raise LedgerError if the database already holds a ledger."""
    if not database_exists(url):
        return
    engine = open_engine(url, writes=False)
    try:
        read(engine, _require_room)
    finally:
        engine.dispose()


def restore_tables(
    url: str,
    revision: str,
    tables: Iterable[TableCopy],
    *,
    force: bool,
    before_commit: Callable[[], None] = lambda: None,
) -> None:
    """Restore the tables, all or nothing, and upgrade them to the schema of this program.

    `before_commit` runs when all rows are accepted. Raises LedgerError, and changes nothing, if the database holds a
    ledger already, unless `force` replaces it, and if a row does not suit its table.
    """
    require_known(revision, "the backup")
    with _without_trace(url):
        _restore(url, revision, tables, force=force, before_commit=before_commit)


@contextmanager
def _without_trace(url: str) -> Iterator[None]:
    """Remove a database file that was made in vain."""
    file = sqlite_file(parse(url))
    is_new = file is not None and not file.exists()
    try:
        yield
    except BaseException:
        if file is not None and is_new:
            for suffix in SQLITE_SUFFIXES:
                file.with_name(file.name + suffix).unlink(missing_ok=True)
        raise


def _restore(
    url: str, revision: str, tables: Iterable[TableCopy], *, force: bool, before_commit: Callable[[], None]
) -> None:
    make_folder(url)
    engine = open_engine(url, writes=True, creates=True, rebuilds=True)
    try:
        with UPGRADE_LOCK, ledger_errors("the ledger can't be restored"), engine.begin() as connection:
            wait_for_upgrades(connection)
            _make_room(connection, force=force)
            migrate(connection, revision)
            _fill(connection, tables)
            migrate(connection, "head")
            fill_sums(connection)
            reset_counters(connection)
            require_references(connection)
            before_commit()
    finally:
        engine.dispose()


def _make_room(connection: Connection, *, force: bool) -> None:
    """Drop our own tables only: a server's database may hold others."""
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
    """Insert into the tables as they were when the copy was made, which only the database knows."""
    there = _reflected(connection)
    for copy in tables:
        if copy.name not in there.tables:
            raise LedgerError(
                f"the backup holds a table {printable(copy.name)!r}, which its schema has not; use another"
            )
        for batch in _batches(copy):
            connection.execute(there.tables[copy.name].insert(), batch)


def _batches(copy: TableCopy) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows by column. Raises LedgerError for a row that does not suit its columns."""
    number = 0
    try:
        decoders = [DECODERS[kind] for kind in copy.kinds]
        rows = iter(copy.rows)
        while batch := list(islice(rows, ROWS_PER_BATCH)):
            yield [dict(zip(copy.columns, _decoded(row, decoders), strict=True)) for row in batch]
            number += len(batch)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        problem = f"table {copy.name} can't be read after row {number}: {error}"
        raise LedgerError(f"the backup is damaged: {problem}; use another backup") from error


def reset_counters(connection: Connection) -> None:
    """Continue row numbers: PostgreSQL's own counters do not know restored rows."""
    if connection.dialect.name != "postgresql":
        return
    for table in COUNTERS:
        counter = func.pg_get_serial_sequence(table.name, "number")
        last = select(func.max(table.c.number)).scalar_subquery()
        connection.execute(select(func.setval(counter, last)).where(text(f"EXISTS (SELECT 1 FROM {table.name})")))


def _decoded(row: Sequence[Any], decoders: Sequence[Callable[[Any], Any]]) -> list[Any]:
    return [None if value is None else decode(value) for decode, value in zip(decoders, row, strict=True)]
