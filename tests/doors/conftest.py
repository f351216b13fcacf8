"""Databases for the tests of the ledger's door: SQLite's file, and a PostgreSQL that runs for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from databases import new_database
from postgres_server import PostgresServer, postgres_server

from inspector.ledger import upgrade


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except FileNotFoundError as missing:
            pytest.skip(str(missing))
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database with our tables."""
    url = new_database(request, tmp_path)
    upgrade(url)
    return url
