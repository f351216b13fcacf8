"""People on a real database of either kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from support.people import Clock, Plant

from inspector.adapters.ledger import SqlPeople, upgrade


@pytest.fixture
def plant(blank: str) -> Iterator[Plant]:
    upgrade(blank)
    with closing(SqlPeople(blank)) as store:
        yield Plant(blank, store, Clock())
