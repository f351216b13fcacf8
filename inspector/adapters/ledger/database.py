"""Opens the database and turns its errors into ours. Knows the switches of SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, Final, Literal, ParamSpec, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from inspector.errors import LedgerError

Args = ParamSpec("Args")
Answer = TypeVar("Answer")
Synchronous = Literal["FULL", "NORMAL"]  # NORMAL may lose the last commits in a power failure

VALUES_PER_STATEMENT: Final = 500  # databases limit the number of values in a statement
BUSY_TIMEOUT_S: Final = 5.0  # one process waits this long for another one's transaction
EXAMPLE_URLS: Final = "sqlite:///var/ledger.db or postgresql://user@host/inspector"
CONNECTION_TIMEOUTS: Final = {  # by default a lost connection is noticed after minutes or hours
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "application_name": "inspector",
}
Upsert = sqlite.Insert | postgresql.Insert
INSERTS: Final[dict[str, Callable[[Table[Any]], Upsert]]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def open_engine(
    url: str,
    *,
    writes: bool,
    creates: bool = False,
    connections: int = 1,
    synchronous: Synchronous = "FULL",
    busy_s: float = BUSY_TIMEOUT_S,
    rebuilds: bool = False,
) -> Engine:
    """Return an engine that connects on first use.

    Raises LedgerError for a URL that can't hold a ledger, and for a missing database file unless it `creates` one.
    `rebuilds` lets SQLite replace whole tables: references are then checked by `require_references`, not by each row.
    """
    with ledger_errors("the database can't be opened"):
        parsed = parse(url)
        file = sqlite_file(parsed)
        if file and not creates:
            parsed = _existing(parsed, file)
        parsed = parsed if file else _impatient(parsed)
        engine = create_engine(parsed, pool_size=connections, max_overflow=0, pool_pre_ping=True)
    prepare = _prepare_sqlite if file else _prepare_server
    prepare(engine, writes=writes, synchronous=synchronous, busy_s=busy_s)
    if file and rebuilds:
        event.listen(engine, "connect", _ignore_references)
    return engine


def require_references(connection: Connection) -> None:
    """Raise LedgerError if a row refers to one that does not exist. Servers check that by themselves."""
    if connection.dialect.name == "sqlite" and (row := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
        raise LedgerError(f"a row of {row[0]} refers to a missing row of {row[2]}; restore a backup made before")


def parse(url: str) -> URL:
    """Parse the URL. Raises LedgerError if it can't hold a ledger."""
    with ledger_errors("the database URL can't be read"):
        parsed = make_url(url)
    if parsed.get_backend_name() not in INSERTS:
        raise LedgerError(f"the ledger can't be stored in {parsed.get_backend_name()}; use {EXAMPLE_URLS}")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise LedgerError("the ledger can't be stored in memory; name a file, such as sqlite:///var/ledger.db")
    return parsed


def masked_url(url: str) -> str:
    """Return the URL without its password, to show to people."""
    return parse(url).render_as_string(hide_password=True)


def sqlite_file(url: URL) -> Path | None:
    """Return the file of an SQLite database; None for a server."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def read(
    engine: Engine, query: Callable[Concatenate[Connection, Args], Answer], *args: Args.args, **kwargs: Args.kwargs
) -> Answer:
    """Run the query on a connection of its own. Raises LedgerError."""
    with ledger_errors("the ledger can't be read"), engine.connect() as connection:
        return query(connection, *args, **kwargs)


@contextmanager
def ledger_errors(what: str) -> Iterator[None]:
    """Turn every error of the database or its driver into a LedgerError that begins with `what`."""
    try:
        yield
    except SQLAlchemyError as error:
        raise refusal(what, error) from error
    except ImportError as error:
        raise LedgerError(f"{what}: its driver is not installed ({error.name}); pip install {error.name}") from error


def refusal(what: str, error: Exception) -> LedgerError:
    """Build a LedgerError with the database's own words, without the statement and its parameters."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).splitlines() or [type(cause).__name__]
    return LedgerError(f"{what}: {lines[0]}")


def value_pages(values: Sequence[Answer]) -> Iterator[Sequence[Answer]]:
    """Yield the values in pages that fit into one statement."""
    for at in range(0, len(values), VALUES_PER_STATEMENT):
        yield values[at : at + VALUES_PER_STATEMENT]


def upsert(connection: Connection, table: Table[Any]) -> Upsert:
    """Return an INSERT that can handle conflicts, in this connection's dialect."""
    return INSERTS[connection.dialect.name](table)


def _existing(url: URL, file: Path) -> URL:
    """Return the URL of a file that the driver must not create: an empty database would look like one that lost its
    parts.
    """
    if not file.exists():
        raise LedgerError(f"there is no database {file}; create it with: inspector db upgrade")
    return url.set(database=f"file:{quote(str(file))}").update_query_dict({"mode": "rw", "uri": "true"})


def _impatient(url: URL) -> URL:
    """Return the URL with timeouts, unless it sets them itself."""
    if url.get_driver_name() not in ("psycopg", "psycopg2"):
        return url
    return url.update_query_dict({name: value for name, value in CONNECTION_TIMEOUTS.items() if name not in url.query})


def _ignore_references(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys=OFF")


def _prepare_server(engine: Engine, *, writes: bool, synchronous: Synchronous, busy_s: float) -> None:
    """Make commits durable when they return, whatever the server's defaults are."""
    settings = (
        "SET TIME ZONE 'UTC'",  # a time near an end of the calendar has no form in some other zones
        f"SET synchronous_commit = {'on' if synchronous == 'FULL' else 'off'}",
        f"SET lock_timeout = {round(busy_s * 1000)}",
        f"SET default_transaction_read_only = {'off' if writes else 'on'}",
        # readers see one snapshot, as in SQLite: sums over several statements must agree during writes
        f"SET default_transaction_isolation = '{'read committed' if writes else 'repeatable read'}'",
    )

    @event.listens_for(engine, "connect")
    def _switch(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            for setting in settings:
                cursor.execute(setting)
        connection.commit()


def _prepare_sqlite(engine: Engine, *, writes: bool, synchronous: Synchronous, busy_s: float) -> None:
    """Configure a connection. The busy timeout comes first: switching to WAL needs a moment of exclusive access."""
    pragmas = (
        f"busy_timeout={round(busy_s * 1000)}",
        "journal_mode=WAL",
        f"synchronous={synchronous}",
        "foreign_keys=ON",
        f"query_only={'OFF' if writes else 'ON'}",
    )
    # A transaction that reads first and writes later is refused when another one wrote in between; one that
    # takes the lock at once waits for its turn. The driver's own BEGIN would also leave DDL outside.
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(engine, "connect")
    def _switch(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
