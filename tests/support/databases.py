"""Databases of either kind, for tests that must hold on both: made empty, looked into, and held up by others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, create_engine, text
from support.postgres_server import PostgresServer

from inspector.ports.archive import Archive
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import Ledger


class Opened(NamedTuple):
    """A ledger and the archive that reads it; the fake has no URL."""

    ledger: Ledger
    archive: Archive
    url: str = ""


def new_database(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a database without tables, of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'ledger.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create()


def holds(evidence: EvidenceStore, sha256: str) -> bool:
    """Whether the evidence store has this picture."""
    try:
        evidence.get(sha256)
    except KeyError:
        return False
    return True


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection of somebody else's, who commits at the end."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def execute(url: str, *statements: str) -> None:
    with connected(url) as connection:
        for statement in statements:
            connection.execute(text(statement))


def fetch(url: str, statement: str) -> list[tuple[Any, ...]]:
    with connected(url) as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def count_of(url: str, table: str) -> int:
    return int(fetch(url, f"SELECT count(*) FROM {table}")[0][0])


@contextmanager
def another_writer(url: str) -> Iterator[None]:
    """Somebody else keeps all tables from being written; reading goes on."""
    with connected(url) as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("LOCK TABLE parts, outbox, reports, events, evidence IN EXCLUSIVE MODE"))
        yield
