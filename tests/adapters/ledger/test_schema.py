"""The migrations: they make exactly the tables that the code means, once, whole, and never backwards."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Inspector, inspect
from support.databases import connected, execute, fetch
from support.fakes import a_pipeline

from inspector.adapters.ledger import SchemaState, SqlArchive, SqlLedger, measure_ledger, schema_state, upgrade
from inspector.adapters.ledger.migrations import versions
from inspector.adapters.ledger.schema import migrate
from inspector.adapters.ledger.tables import metadata
from inspector.domain.frame import FrameKey
from inspector.domain.line_state import LineState, RightOrigin
from inspector.domain.part_identity import PartIdentity, Trigger
from inspector.errors import LedgerError
from inspector.ports.archive import PartFilter
from inspector.utc import utc_now

HEAD = max(file.name for file in resources.files(versions).iterdir() if file.name.startswith("v0"))[1:5]
BEFORE_IDENTITY = "0008"
PICTURE = "ab" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


def structure_of(url: str) -> dict[str, Any]:
    """Every table with its columns, keys and indexes; the order of columns means nothing."""
    with connected(url) as connection:
        seen = inspect(connection)
        return {name: table_of(seen, name) for name in seen.get_table_names() if not name.startswith("alembic")}


def table_of(seen: Inspector, table: str) -> dict[str, Any]:
    return {
        "columns": {each["name"]: (str(each["type"]), each["nullable"]) for each in seen.get_columns(table)},
        "key": seen.get_pk_constraint(table)["constrained_columns"],
        "unique": sorted(each["column_names"] for each in seen.get_unique_constraints(table)),
        "refers": sorted(
            (*each["constrained_columns"], each["referred_table"]) for each in seen.get_foreign_keys(table)
        ),
        "indexes": {each["name"]: (each["column_names"], condition_of(each)) for each in seen.get_indexes(table)},
    }


def condition_of(index: Any) -> str:
    """Which rows a partial index holds."""
    options = index.get("dialect_options", {})
    return str(options.get("sqlite_where", options.get("postgresql_where", "")))


def test_migrations_from_empty_make_what_the_code_means(blank: str) -> None:
    with connected(blank) as connection:
        metadata.create_all(connection)
    meant = structure_of(blank)
    with connected(blank) as connection:
        metadata.drop_all(connection)
    upgrade(blank)
    assert structure_of(blank) == meant


def test_nothing_is_left_to_migrate(database: str) -> None:
    with connected(database) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_rows_of_the_first_schema_are_kept_by_the_second(blank: str) -> None:
    with connected(blank) as connection:
        migrate(connection, "0001")
    execute(blank, OLD_PART)
    upgrade(blank)
    assert fetch(blank, "SELECT line, acknowledged_at, reviewed_at FROM parts") == [("x", None, None)]


def _old_part(**values: str) -> str:
    texts = "result_id line camera trigger_id state verdict disposition reason pipeline_line fingerprint stopped_by"
    old = dict.fromkeys(texts.split(), "'x'") | {"detail": "'\"x\"'"}
    old |= dict.fromkeys(["received_at", "decided_at"], "'2026-03-02 12:00:00'")
    old |= dict.fromkeys(["pipeline_version", "latency_ms", "deadline_ms", "vote_count", "rungs"], "1")
    old |= dict.fromkeys(["late", "is_simulated"], "false") | values
    return f"INSERT INTO parts ({', '.join(old)}) VALUES ({', '.join(old.values())})"


OLD_PART = _old_part()


@pytest.mark.parametrize("table", ["votes", "shadow_votes"])
def test_votes_of_the_third_schema_are_kept_by_the_fourth(blank: str, table: str) -> None:
    with connected(blank) as connection:
        migrate(connection, "0003")
    execute(blank, OLD_PART)
    execute(
        blank,
        f"INSERT INTO {table} (part, position, view, rung, p_ng, tokens, ms, text) "
        "SELECT number, 0, 'direct', 0, 0.25, 1, 30.0, '\"No\"' FROM parts",
    )
    upgrade(blank)
    assert fetch(blank, f"SELECT view, p_ng, p_true FROM {table}") == [("direct", 0.25, None)]


def test_stored_parts_and_losses_get_the_runs_of_their_counter(blank: str) -> None:
    """The counter went back at its restart from 503 to 1: books of one run missed 491 numbers for ever."""
    with connected(blank) as connection:
        migrate(connection, "0005")
    for row, seq in enumerate((501, 502, 503, 1, 2, 5)):
        at = f"'2026-03-02 12:00:{row:02}'"
        execute(
            blank,
            _old_part(trigger_id=f"'t-{row}'", result_id=f"'r-{row}'", seq=str(seq), captured_at=at, received_at=at),
        )
    execute(blank, _old_part(trigger_id="'no number'", result_id="'r-9'"))
    for second, first in (("01", 7), ("05", 3)):
        execute(
            blank,
            "INSERT INTO losses (line, camera, at, frames, first_seq, last_seq) VALUES "
            f"('x', 'x', '2026-03-02 12:00:{second}', 1, {first}, {first})",
        )
    execute(
        blank,
        "INSERT INTO cameras (line, camera, known, first_seen, last_seen, frames, lost, last_seq) VALUES "
        "('x', 'x', true, '2026-03-02 12:00:00', '2026-03-02 12:00:00', 6, 2, 5)",
    )
    upgrade(blank)
    assert fetch(blank, "SELECT seq, run FROM parts ORDER BY number") == [
        *((seq, 1) for seq in (501, 502, 503)),
        *((seq, 2) for seq in (1, 2, 5)),
        (None, None),
    ]
    assert fetch(blank, "SELECT first_seq, run FROM losses ORDER BY number") == [(7, 1), (3, 2)]
    assert fetch(blank, "SELECT run FROM cameras") == [(2,)]


def test_lines_in_use_stay_live_for_thirty_days(blank: str) -> None:
    with connected(blank) as connection:
        migrate(connection, "0007")
    execute(blank, OLD_PART.replace("'x'", "'pcb'"))
    declaration = json.dumps(a_pipeline("pcb").model_dump(mode="json"))
    for line in ("pcb", "never_judged"):
        execute(
            blank,
            "INSERT INTO pipeline_versions (line, version, declaration, golden, author, source, created_at) "
            f"VALUES ('{line}', 1, '{declaration}', '[]', '', '', '2026-03-02 12:00:00')",
        )
    upgrade(blank)
    with closing(SqlArchive(blank)) as archive:
        unjudged, judged = archive.list_pipelines()
    assert (judged.status.state, unjudged.status.state, unjudged.status.rights) == (LineState.LIVE, LineState.LIVE, ())
    [right] = judged.status.rights
    assert (right.fingerprint, right.policy) == ("pcb", a_pipeline("pcb").policy_fingerprint())
    assert (right.origin, right.reason) == (RightOrigin.OVERRIDE, "in use before qualification")
    assert right.until is not None
    assert timedelta(days=29) < right.until - utc_now() <= timedelta(days=30)
    assert fetch(blank, "SELECT line_state, would_be_disposition FROM parts") == [("LIVE", "pcb")]


def test_upgrade_makes_the_folder_and_says_where_it_arrived(tmp_path: Path) -> None:
    url = url_of(tmp_path / "plant" / "line" / "ledger.db")
    assert upgrade(url) == SchemaState(HEAD, HEAD)
    assert upgrade(url) == SchemaState(HEAD, HEAD), "upgrading again changes nothing"


def test_state_of_a_database_that_is_not_there_makes_none(file: Path) -> None:
    assert schema_state(url_of(file)) == SchemaState(None, HEAD)
    assert not file.exists()


async def test_newer_database_is_refused_and_stays_as_it_is(database: str) -> None:
    execute(database, "UPDATE alembic_version SET version_num = '9999'")
    before = structure_of(database)
    with pytest.raises(LedgerError, match="schema 9999, which this version of inspector does not know: a newer"):
        upgrade(database)
    with pytest.raises(LedgerError, match="a newer version made it"):
        await SqlLedger(database).start()
    assert structure_of(database) == before
    assert schema_state(database) == SchemaState("9999", HEAD)


async def test_ledger_refuses_a_database_that_was_not_upgraded(blank: str) -> None:
    execute(blank, "CREATE TABLE something (number INTEGER)")
    with pytest.raises(LedgerError, match=f"has schema None, this version needs {HEAD}; run: inspector db upgrade"):
        await SqlLedger(blank).start()


def test_missing_database_is_named_with_the_remedy_and_not_made(file: Path) -> None:
    for opening in (SqlLedger, SqlArchive):
        with pytest.raises(LedgerError, match=r"no database .*ledger\.db; create it with: inspector db upgrade"):
            opening(url_of(file))
    assert not file.exists()


def test_upgrade_that_fails_half_way_leaves_nothing(blank: str) -> None:
    execute(blank, "CREATE TABLE outbox (number INTEGER)")
    with pytest.raises(LedgerError, match=r'can.t be upgraded: (table|relation) "?outbox"? already exists'):
        upgrade(blank)
    assert list(structure_of(blank)) == ["outbox"]


def test_upgrades_at_once_wait_for_each_other(blank: str) -> None:
    arrived: list[SchemaState] = []
    threads = [threading.Thread(target=lambda: arrived.append(upgrade(blank))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert arrived == [SchemaState(HEAD, HEAD)] * 4


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite://", "can't be stored in memory; name a file"),
        ("sqlite:///:memory:", "can't be stored in memory; name a file"),
        ("mysql://host/inspector", "can't be stored in mysql; use sqlite:///"),
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


async def test_ledger_can_be_measured_where_it_will_live(blank: str) -> None:
    speed = await measure_ledger(blank, parts=30, callers=8, listed=30)
    assert speed.together_per_s > 0
    assert json.loads(json.dumps(asdict(speed)))["lists"]["line"]["p95_ms"] > 0
    assert set(speed.lists) >= {"all", "line", "rejected"}
    with pytest.raises(LedgerError, match="holds parts; name an empty one"):
        await measure_ledger(blank)


def test_older_parts_get_the_identity_of_their_stored_picture(blank: str) -> None:
    with connected(blank) as connection:
        migrate(connection, BEFORE_IDENTITY)
    execute(
        blank,
        f"INSERT INTO evidence (sha256, media_type, size_bytes, width_px, height_px) VALUES ('{PICTURE}', '', 1, 1, 1)",
        OLD_PART,
        f"UPDATE parts SET evidence = '{PICTURE}', part_id = 'SN é 1', trigger_id = 't-1'",
        OLD_PART.replace("VALUES ('x'", "VALUES ('y'"),
        "INSERT INTO votes (part, position, view, rung, p_ng, tokens, ms, text) "
        "SELECT number, 0, 'direct', 0, 0.25, 1, 30.0, '\"No\"' FROM parts",
        "DELETE FROM votes WHERE part IN (SELECT number FROM parts WHERE result_id = 'y')",
        "DELETE FROM parts WHERE result_id = 'y'",
    )
    upgrade(blank)
    [stored] = fetch(blank, "SELECT received_sha256, unique_by, identity FROM parts")
    identity = PartIdentity(Trigger(FrameKey("x", "x", "t-1")), PICTURE, "SN é 1")
    assert stored == (PICTURE, "", identity.digest)
    assert fetch(blank, "SELECT p_ng FROM votes") == [(0.25,)]
    execute(blank, OLD_PART.replace("INTO parts (", "INTO parts (received_sha256, unique_by, identity, ")
            .replace("VALUES (", "VALUES ('', '', '', ").replace("'x', 'x', 'x'", "'z', 'x', 'x'", 1))  # fmt: skip
    assert fetch(blank, "SELECT max(number) FROM parts") == [(3,)], "a number is never given twice"


def test_upgrade_refuses_a_ledger_with_broken_references(file: Path) -> None:
    with connected(url_of(file)) as connection:
        migrate(connection, BEFORE_IDENTITY)
    execute(
        url_of(file),
        "INSERT INTO votes (part, position, view, rung, tokens, ms, text) VALUES (9, 0, 'direct', 0, 1, 1.0, '\"\"')",
    )
    with pytest.raises(LedgerError, match="a row of votes refers to a missing row of parts"):
        upgrade(url_of(file))
    assert schema_state(url_of(file)).current == BEFORE_IDENTITY


def test_earlier_rights_cover_the_cameras_that_their_line_names_now(blank: str) -> None:
    with connected(blank) as connection:
        migrate(connection, "0010")
    named = json.dumps(a_pipeline("named", cameras=["cam1"]).model_dump(mode="json")).replace(":", "\\:")
    unnamed = json.dumps(a_pipeline("unnamed").model_dump(mode="json") | {"cameras": []}).replace(":", "\\:")
    for line, declaration in (("named", named), ("unnamed", unnamed)):
        execute(
            blank,
            "INSERT INTO pipeline_versions (line, version, declaration, golden, author, source, created_at) "
            f"VALUES ('{line}', 1, '{declaration}', '[]', '', '', '2026-03-02 12:00:00')",
        )
        execute(
            blank,
            "INSERT INTO pass_rights (line, fingerprint, policy, origin, reason, author, at) "
            f"VALUES ('{line}', 'f', 'p', 'QUALIFICATION', '\"\"', '', '2026-03-02 12:00:00')",
        )
    upgrade(blank)
    with closing(SqlArchive(blank)) as archive:
        rights = [right for version in archive.list_pipelines() for right in version.status.rights]
    assert [right.cameras for right in rights] == [("cam1",), ("*",)]


def test_stored_reviews_become_answers_of_their_reviewers(blank: str) -> None:
    """The latest review overrode all others before; now a reviewer's own newest answer counts."""
    with connected(blank) as connection:
        migrate(connection, "0017")
    new = {"received_sha256": "'a'", "unique_by": "''"}
    for name in ("changed", "disputed", "agreed"):
        execute(blank, _old_part(result_id=f"'{name}'", trigger_id=f"'{name}'", identity=f"'{name}'", **new))
    answers = [
        (1, "ann", False),
        (1, "ann", True),
        (2, "ann", False),
        (2, "bob", True),
        (3, "ann", True),
        (3, "bob", True),
    ]
    for part, reviewer, is_ng in answers:
        execute(
            blank,
            "INSERT INTO reviews (part, is_ng, reviewer, at, note) VALUES "
            f"({part}, {str(is_ng).lower()}, '{reviewer}', '2026-03-02 12:00:00', '\"x\"')",
        )
    upgrade(blank)
    assert fetch(blank, "SELECT label, mode, supersedes FROM reviews WHERE part = 1 ORDER BY number") == [
        ("OK", "import", None),
        ("NG", "import", "stored-1"),
    ]
    assert fetch(blank, 'SELECT part, line, state, label, reviews, "by" FROM truths ORDER BY part') == [
        (1, "x", "SINGLE", "NG", 1, "stored-2"),
        (2, "x", "DISPUTED", None, 2, "stored-4"),
        (3, "x", "AGREED", "NG", 2, "stored-6"),
    ]
