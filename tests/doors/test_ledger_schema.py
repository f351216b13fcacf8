"""The migrations: they make exactly the tables that the code means, once, whole, and never backwards."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from inspector.errors import LedgerError
from inspector.ledger import SchemaState, SqlArchive, SqlLedger, measure_ledger, schema_state, upgrade
from inspector.ledger.tables import metadata
from inspector.ports import PartFilter

HEAD = "0001"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


def run(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def structure_of(file: Path) -> dict[str, str]:
    """Every table and index by name, with the words that made it."""
    made = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'"
    with closing(sqlite3.connect(file)) as connection:
        return {name: " ".join(sql.split()) for name, sql in connection.execute(made)}


def test_migrations_from_empty_make_what_the_code_means(file: Path, tmp_path: Path) -> None:
    upgrade(url_of(file))
    meant = create_engine(url_of(tmp_path / "meant.db"))
    metadata.create_all(meant)
    meant.dispose()
    assert structure_of(file) == structure_of(tmp_path / "meant.db")


def test_nothing_is_left_to_migrate(file: Path) -> None:
    upgrade(url_of(file))
    engine = create_engine(url_of(file))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_upgrade_makes_the_folder_and_says_where_it_arrived(tmp_path: Path) -> None:
    url = url_of(tmp_path / "plant" / "line" / "ledger.db")
    assert upgrade(url) == SchemaState(HEAD, HEAD)
    assert upgrade(url) == SchemaState(HEAD, HEAD), "upgrading again changes nothing"


def test_state_of_a_database_that_is_not_there_makes_none(file: Path) -> None:
    assert schema_state(url_of(file)) == SchemaState(None, HEAD)
    assert not file.exists()


async def test_newer_database_is_refused_and_stays_as_it_is(file: Path) -> None:
    upgrade(url_of(file))
    run(file, "UPDATE alembic_version SET version_num = '9999'")
    before = structure_of(file)
    with pytest.raises(LedgerError, match="schema 9999, which this version of inspector does not know: a newer"):
        upgrade(url_of(file))
    with pytest.raises(LedgerError, match="a newer version upgraded it"):
        await SqlLedger(url_of(file)).start()
    assert structure_of(file) == before
    assert schema_state(url_of(file)) == SchemaState("9999", HEAD)


async def test_ledger_refuses_a_database_that_was_not_upgraded(file: Path) -> None:
    run(file, "CREATE TABLE something (number INTEGER)")
    with pytest.raises(LedgerError, match=f"has schema None, this version needs {HEAD}; run: inspector db upgrade"):
        await SqlLedger(url_of(file)).start()


def test_missing_database_is_named_with_the_remedy_and_not_made(file: Path) -> None:
    for opening in (SqlLedger, SqlArchive):
        with pytest.raises(LedgerError, match=r"no database .*ledger\.db; create it with: inspector db upgrade"):
            opening(url_of(file))
    assert not file.exists()


def test_upgrade_that_fails_half_way_leaves_nothing(file: Path) -> None:
    run(file, "CREATE TABLE outbox (number INTEGER)")
    with pytest.raises(LedgerError, match="can't be upgraded: table outbox already exists"):
        upgrade(url_of(file))
    assert list(structure_of(file)) == ["outbox"]


def test_upgrades_at_once_wait_for_each_other(file: Path) -> None:
    arrived: list[SchemaState] = []
    threads = [threading.Thread(target=lambda: arrived.append(upgrade(url_of(file)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert arrived == [SchemaState(HEAD, HEAD)] * 4


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite://", "can't be kept in memory; name a file"),
        ("sqlite:///:memory:", "can't be kept in memory; name a file"),
        ("mysql://host/inspector", "can't be kept in mysql; use sqlite:///"),
        ("var/ledger.db", "the database URL can't be read"),
        ("sqlite:////dev/null/ledger.db", "folder of /dev/null/ledger.db can't be made: File exists; choose"),
    ],
)
def test_url_that_can_hold_no_ledger_is_refused_with_a_remedy(url: str, complaint: str) -> None:
    with pytest.raises(LedgerError, match=complaint):
        upgrade(url)


def test_file_that_is_no_database_is_an_error_of_ours(file: Path) -> None:
    file.write_bytes(b"this is no database" * 100)
    for reading in (upgrade, schema_state):
        with pytest.raises(LedgerError, match="file is not a database"):
            reading(url_of(file))


def test_odd_characters_in_the_path_are_no_obstacle(tmp_path: Path) -> None:
    url = url_of(tmp_path / "plant 50% #1" / "ledger é.db")
    upgrade(url)
    assert schema_state(url).current == HEAD
    archive = SqlArchive(url)
    assert archive.parts(PartFilter(), 1) == []
    archive.close()


async def test_ledger_can_be_measured_on_its_disk(file: Path) -> None:
    speed = await measure_ledger(url_of(file), parts=30, callers=8, listed=30)
    assert speed.together_per_s > 0
    assert json.loads(json.dumps(asdict(speed)))["lists"]["line"]["p95_ms"] > 0
    assert set(speed.lists) >= {"all", "line", "rejected"}
    with pytest.raises(LedgerError, match="holds parts; name an empty one"):
        await measure_ledger(url_of(file))
