"""Empty databases of either kind, for tests that must hold on both."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres_server import PostgresServer


def new_database(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a database without tables, of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'ledger.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create()
