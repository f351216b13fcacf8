"""Settings of the whole suite, and databases: SQLite's file, and a PostgreSQL that runs for the whole session.

The fixtures import what they need themselves, so that `make quick` collects without a database driver.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from support.databases import Opened
    from support.postgres_server import PostgresServer

from support.database_kinds import KINDS

# A property has no time limit: what is slow on a busy machine is not wrong.
settings.register_profile("properties", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("properties")


@pytest.fixture(scope="module", autouse=True)
def only_own_garbage() -> None:
    """Let the collector look at nothing that is older than the module: all libraries take it half a second, in which
    a part's deadline may pass.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    from support.postgres_server import postgres_server

    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except FileNotFoundError as missing:
            pytest.skip(str(missing))
        yield server


@pytest.fixture(params=KINDS)
def blank(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    from support.databases import new_database

    return new_database(request, tmp_path)


@pytest.fixture
def database(blank: str) -> str:
    """The URL of an empty database with our tables."""
    from inspector.adapters.ledger import upgrade

    upgrade(blank)
    return blank


@pytest.fixture(params=[*KINDS, "memory"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    """A running ledger, real or the fake: both must keep the port's promises."""
    from support.databases import Opened, new_database
    from support.fakes import MemoryLedger

    from inspector.adapters.ledger import SqlArchive, SqlLedger, upgrade

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
