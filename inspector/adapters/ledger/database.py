"""Opens the database and says in our words what it refuses. Knows the switches of SQLite and PostgreSQL."""

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
Synchronous = Literal["FULL", "NORMAL"]  # NORMAL may lose the last commits when the power fails

AT_ONCE: Final = 500  # databases limit the number of values in a statement
BUSY_S: Final = 5.0  # how long one process waits for another one's transaction
EXAMPLE: Final = "sqlite:///var/ledger.db or postgresql://user@host/inspector"
IMPATIENT: Final = {  # by default a connection that was cut is noticed after minutes or hours
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
    busy_s: float = BUSY_S,
) -> Engine:
    """An engine that connects when it is first used. Raises LedgerError for a URL that can't be a ledger's, and
    for a database file that is not there, unless it `creates` one."""
    with translated("the database can't be opened"):
        parsed = parse(url)
        file = sqlite_file(parsed)
        if file and not creates:
            parsed = _existing(parsed, file)
        parsed = parsed if file else _impatient(parsed)
        engine = create_engine(parsed, pool_size=connections, max_overflow=0, pool_pre_ping=True)
    prepare = _prepare_sqlite if file else _prepare_server
    prepare(engine, writes=writes, synchronous=synchronous, busy_s=busy_s)
    return engine


def parse(url: str) -> URL:
    """Raises LedgerError for a URL that can't be a ledger's."""
    with translated("the database URL can't be read"):
        parsed = make_url(url)
    if parsed.get_backend_name() not in INSERTS:
        raise LedgerError(f"the ledger can't be kept in {parsed.get_backend_name()}; use {EXAMPLE}")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise LedgerError("the ledger can't be kept in memory; name a file, such as sqlite:///var/ledger.db")
    return parsed


def shown(url: str) -> str:
    """The URL as people may see it: without its password."""
    return parse(url).render_as_string(hide_password=True)


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite database; None for a server."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def read(
    engine: Engine, query: Callable[Concatenate[Connection, Args], Answer], *args: Args.args, **kwargs: Args.kwargs
) -> Answer:
    """The query's answer on a connection of its own. Raises LedgerError."""
    with translated("the ledger can't be read"), engine.connect() as connection:
        return query(connection, *args, **kwargs)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Whatever the database or its driver refuses becomes a LedgerError that begins with `what`."""
    try:
        yield
    except SQLAlchemyError as error:
        raise refusal(what, error) from error
    except ImportError as error:
        raise LedgerError(f"{what}: its driver is not installed ({error.name}); pip install {error.name}") from error


def refusal(what: str, error: Exception) -> LedgerError:
    """The database's own words, without the statement and its parameters."""
    said = getattr(error, "orig", None) or error
    lines = str(said).splitlines() or [type(said).__name__]
    return LedgerError(f"{what}: {lines[0]}")


def pages(values: Sequence[Answer]) -> Iterator[Sequence[Answer]]:
    """The values, so many at a time as one statement may hold."""
    for at in range(0, len(values), AT_ONCE):
        yield values[at : at + AT_ONCE]


def upsert(connection: Connection, table: Table[Any]) -> Upsert:
    """An INSERT that can say what to do on conflict, in this connection's dialect."""
    return INSERTS[connection.dialect.name](table)


def _existing(url: URL, file: Path) -> URL:
    """The same file, which the driver must not create: an empty database would look like one that lost its parts."""
    if not file.exists():
        raise LedgerError(f"there is no database {file}; create it with: inspector db upgrade")
    return url.set(database=f"file:{quote(str(file))}").update_query_dict({"mode": "rw", "uri": "true"})


def _impatient(url: URL) -> URL:
    """The same server; what the URL itself says of waiting stays."""
    if url.get_driver_name() not in ("psycopg", "psycopg2"):
        return url
    return url.update_query_dict({name: value for name, value in IMPATIENT.items() if name not in url.query})


def _prepare_server(engine: Engine, *, writes: bool, synchronous: Synchronous, busy_s: float) -> None:
    """Whatever the server's own defaults are: a commit is on its disk when it returns."""
    settings = (
        f"SET synchronous_commit = {'on' if synchronous == 'FULL' else 'off'}",
        f"SET lock_timeout = {round(busy_s * 1000)}",
        f"SET default_transaction_read_only = {'off' if writes else 'on'}",
        # readers see one moment, as SQLite's do: sums over several statements must agree while others write
        f"SET default_transaction_isolation = '{'read committed' if writes else 'repeatable read'}'",
    )

    @event.listens_for(engine, "connect")
    def _switch(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            for setting in settings:
                cursor.execute(setting)
        connection.commit()


def _prepare_sqlite(engine: Engine, *, writes: bool, synchronous: Synchronous, busy_s: float) -> None:
    """Waiting for others comes first: switching to WAL needs a moment alone."""
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
