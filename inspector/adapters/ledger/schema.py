"""Upgrades a database to the schema of this program, and compares the two. Knows alembic."""

from __future__ import annotations

from threading import Lock
from typing import Final, NamedTuple

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, func, select

from inspector.adapters.ledger.database import ledger_errors, open_engine, parse, read, require_references, sqlite_file
from inspector.adapters.ledger.rebuild_sums import fill_sums
from inspector.errors import LedgerError

UPGRADE_LOCK: Final = Lock()  # alembic holds the running upgrade in globals
SERVER_LOCK_ID: Final = 7_105_229  # an arbitrary number, the same for all processes that upgrade


class SchemaState(NamedTuple):
    """The database's schema and the newest that this program knows. `current` is None before the database exists."""

    current: str | None
    head: str


def upgrade(url: str) -> SchemaState:
    """Create the database or upgrade it to head, all or nothing. Raises LedgerError, changing nothing, if it is newer
    than this program.
    """
    make_folder(url)
    engine = open_engine(url, writes=True, creates=True, rebuilds=True)
    try:
        with UPGRADE_LOCK, ledger_errors("the database can't be upgraded"), engine.begin() as connection:
            wait_for_upgrades(connection)
            require_known(current_revision(connection))
            migrate(connection, "head")
            fill_sums(connection)
            require_references(connection)
            return SchemaState(current_revision(connection), _head())
    finally:
        engine.dispose()


def migrate(connection: Connection, revision: str) -> None:
    """Upgrade the connection's database to a revision, inside its transaction. Raises LedgerError."""
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise LedgerError(f"the database can't be upgraded: {error}") from error


def require_known(revision: str | None, what: str = "the database") -> None:
    """Raise LedgerError for a schema that only a newer program can have made."""
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise LedgerError(
            f"{what} has schema {revision}, which this version of inspector does not know: a newer version "
            "made it; install that version, or restore a backup made before"
        )


def schema_state(url: str) -> SchemaState:
    """Return the schema that the database has, and the one that this program needs. Changes nothing. Raises LedgerError
    if it is away.
    """
    file = sqlite_file(parse(url))
    if file and not file.exists():
        return SchemaState(None, _head())
    engine = open_engine(url, writes=False)
    try:
        return SchemaState(read(engine, current_revision), _head())
    finally:
        engine.dispose()


def require_head(connection: Connection) -> None:
    """Raise LedgerError, with the remedy, if the database does not have the schema of this program."""
    current = current_revision(connection)
    require_known(current)
    if current != _head():
        raise LedgerError(f"the database has schema {current}, this version needs {_head()}; run: inspector db upgrade")


def wait_for_upgrades(connection: Connection) -> None:
    """Wait for other processes that upgrade this database: SQLite locks by itself, PostgreSQL needs a lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(SERVER_LOCK_ID)))


def current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _head() -> str:
    head = _scripts().get_current_head()
    if head is None:
        raise LedgerError("this installation has no migrations; install inspector again")
    return head


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "inspector.adapters.ledger:migrations")
    return config


def make_folder(url: str) -> None:
    file = sqlite_file(parse(url))
    try:
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(f"the folder of {file} can't be made: {error.strerror}; choose another place") from error
