"""The chain of seals: it finds the first entry that was altered, on both databases, and keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from support.databases import connected, execute

from inspector.access.audit import Audit, parse_seal
from inspector.access.audit_sealer import AuditSealer
from inspector.adapters.ledger import SqlAuditStore, open_snapshot, restore_tables, upgrade
from inspector.adapters.ledger.audit import append_all_audits
from inspector.errors import InspectorError
from inspector.ports.access import AuditEntry, AuditFilter, AuditSeal

AT: Final = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)
UNLOCKED: Final = {
    "sqlite": ["DROP TRIGGER audit_unchanged", "DROP TRIGGER audit_complete"],
    "postgresql": ["ALTER TABLE audit DISABLE TRIGGER audit_unchanged"],
}


@pytest.fixture
def url(blank: str) -> str:
    upgrade(blank)
    return blank


@pytest.fixture
def audit(url: str) -> Iterator[Audit]:
    with closing(SqlAuditStore(url)) as store:
        yield Audit(store)


def entry(number: int) -> AuditEntry:
    detail = {"reason": "Größe \0", "share": 0.1, "at": AT.isoformat(), "list": [1, None, True]}
    return AuditEntry(f"p{number}", "line.state", "pcb", detail, AT, "pcb" if number % 2 else None)


def add(url: str, *numbers: int) -> None:
    with connected(url) as connection:
        append_all_audits(connection, map(entry, numbers))


def tamper(url: str, *statements: str) -> None:
    """Change the database as somebody does who may do everything to it."""
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    execute(url, *UNLOCKED[kind], *statements)


def seal_all(audit: Audit) -> AuditSeal:
    newest = None
    while step := audit.seal():
        newest = step
    assert newest is not None
    return newest


def test_audit_seals_follow_one_another(url: str, audit: Audit) -> None:
    add(url, 1, 2)
    first = seal_all(audit)
    add(url, 3)
    assert seal_all(audit).position == 3
    checked = audit.verify(first)
    assert (checked.sealed, checked.unsealed, checked.fault) == (3, 0, "")


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE audit SET actor = 'eve' WHERE number = 2", "entry 2 or its seal was altered"),
        ("UPDATE audit SET detail = '{}' WHERE number = 2", "entry 2 or its seal was altered"),
        ("UPDATE audit SET line = NULL WHERE number = 1", "entry 1 or its seal was altered"),
        ("UPDATE audit_seals SET seal = 'x' WHERE entry = 2", "entry 2 or its seal was altered"),
        ("DELETE FROM audit_seals WHERE entry = 2", "the seals between positions 1 and 3 were removed"),
    ],
)
def test_audit_verify_names_the_first_altered_entry(url: str, audit: Audit, statement: str, problem: str) -> None:
    add(url, 1, 2, 3)
    seal_all(audit)
    tamper(url, statement)
    checked = audit.verify()
    assert checked.fault == problem
    assert str(checked.entry) in problem


def test_audit_verify_names_a_removed_entry(url: str, audit: Audit) -> None:
    add(url, 1, 2, 3)
    seal_all(audit)
    without_references = {
        "sqlite": ["PRAGMA foreign_keys=OFF"],
        "postgresql": ["ALTER TABLE audit_seals DROP CONSTRAINT fk_audit_seals_entry_audit"],
    }
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    tamper(url, *without_references[kind], "DELETE FROM audit WHERE number = 2")
    assert audit.verify().fault == "entry 2 was removed"


def test_audit_verify_finds_a_cut_end_by_a_noted_seal(url: str, audit: Audit) -> None:
    add(url, 1, 2, 3)
    noted = seal_all(audit)
    tamper(url, "DELETE FROM audit_seals WHERE entry = 3", "DELETE FROM audit WHERE number = 3")
    assert audit.verify().fault == ""
    assert "position 3" in audit.verify(noted).fault


def test_audit_verify_finds_a_chain_that_was_written_anew(url: str, audit: Audit) -> None:
    add(url, 1, 2)
    noted = seal_all(audit)
    tamper(url, "UPDATE audit SET actor = 'eve' WHERE number = 1", "DELETE FROM audit_seals")
    seal_all(audit)
    assert audit.verify().fault == ""
    assert "position 2" in audit.verify(noted).fault


def test_audit_entry_that_commits_late_is_sealed(url: str, audit: Audit) -> None:
    """PostgreSQL gives numbers before transactions end: a smaller one may come later."""
    add(url, 1)
    execute(url, "INSERT INTO audit SELECT 7, actor, action, subject, line, detail, at FROM audit WHERE number = 1")
    assert seal_all(audit).entry == 7
    execute(url, "INSERT INTO audit SELECT 5, actor, action, subject, line, detail, at FROM audit WHERE number = 1")
    assert seal_all(audit).entry == 5
    assert audit.verify().fault == ""


def test_audit_is_sealed_once_by_two_processes(url: str) -> None:
    add(url, 1, 2)
    with closing(SqlAuditStore(url)) as one, closing(SqlAuditStore(url)) as other:
        records, newest = one.unsealed(0, 10), one.newest_seal()
        assert newest is None
        assert Audit(other).seal() is not None
        assert not one.add_seals([AuditSeal(1, records[0].number, "0" * 64)])
        assert Audit(one).verify().fault == ""


def test_audit_entries_are_added_while_another_seals(url: str, audit: Audit) -> None:
    """Sealing reads before it writes: an entry is stored in between, and gets its seal in the next step."""
    add(url, 1)
    records = audit.store.unsealed(0, 10)
    add(url, 2)
    assert [record.number for record in records] == [1]
    assert seal_all(audit).entry == 2


def test_audit_sealer_seals_in_the_background(url: str, audit: Audit) -> None:
    add(url, 1, 2, 3)
    sealer = AuditSealer(audit)
    sealer.start()
    while audit.store.unsealed_count():
        pass
    sealer.stop()
    assert audit.verify().sealed == 3


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_audit_survives_backup_and_restore(
    url: str, audit: Audit, target: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """From either database into either: seals are computed over the same content."""
    add(url, 1, 2, 3)
    noted = seal_all(audit)
    add(url, 4)
    copy = request.getfixturevalue("postgres").create() if target == "postgresql" else f"sqlite:///{tmp_path / 'c.db'}"
    with open_snapshot(url) as snapshot:
        assert snapshot.revision is not None
        restore_tables(copy, snapshot.revision, snapshot.tables(), force=False)
    with closing(SqlAuditStore(copy)) as store:
        restored = Audit(store)
        checked = restored.verify(noted)
        assert (checked.sealed, checked.unsealed, checked.fault) == (3, 1, "")
        add(copy, 5)
        assert [each.number for each in restored.entries(AuditFilter(), 10)] == [5, 4, 3, 2, 1]
        assert restored.entries(AuditFilter(), 10)[1:] == audit.entries(AuditFilter(), 10)
        seal_all(restored)
        assert restored.verify(noted).fault == ""
        tamper(copy, "UPDATE audit SET actor = 'eve' WHERE number = 2")
        assert restored.verify().entry == 2


def test_audit_lists_newest_first_and_by_what_is_asked(url: str, audit: Audit) -> None:
    add(url, 1, 2, 3)
    assert numbers(audit, AuditFilter()) == [3, 2]
    assert numbers(audit, AuditFilter(before=2)) == [1]
    assert numbers(audit, AuditFilter(line="pcb")) == [3, 1]
    assert numbers(audit, AuditFilter(actor="p2", action="line.state", subject="pcb")) == [2]


def numbers(audit: Audit, wanted: AuditFilter) -> list[int]:
    return [each.number for each in audit.entries(wanted, 2)]


@pytest.mark.parametrize("text", ["", "7", "x:" + "0" * 64, "7:abc"])
def test_text_that_is_no_seal_is_refused(text: str) -> None:
    with pytest.raises(InspectorError, match="is no seal"):
        parse_seal(text)
