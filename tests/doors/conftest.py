"""Databases for the tests of the ledger's door: SQLite's file, and a PostgreSQL that runs for the whole session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from databases import KINDS, Opened, new_database
from fakes import MemoryLedger
from postgres_server import PostgresServer, postgres_server

from inspector.ledger import SqlArchive, SqlLedger, upgrade


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except FileNotFoundError as missing:
            pytest.skip(str(missing))
        yield server


@pytest.fixture(params=KINDS)
def blank(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    return new_database(request, tmp_path)


@pytest.fixture
def database(blank: str) -> str:
    """The URL of an empty database with our tables."""
    upgrade(blank)
    return blank


@pytest.fixture(params=[*KINDS, "memory"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    """A running ledger, real or the fake: both must keep the port's promises."""
    if request.param == "memory":
        memory = MemoryLedger()
        yield Opened(memory, memory)
        return
    url = new_database(request, tmp_path)
    upgrade(url)
    archive = SqlArchive(url)
    async with SqlLedger(url) as ledger:
        yield Opened(ledger, archive, url)
    archive.close()
