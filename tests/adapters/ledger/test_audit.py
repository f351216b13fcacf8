"""The audit: entries go with the change that they describe, and stay as they were written."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError
from support.databases import connected, execute, fetch

from inspector.adapters.ledger import upgrade
from inspector.adapters.ledger.audit import append_audit
from inspector.ports.access import AuditEntry
from inspector.utc import utc_now


@pytest.fixture
def url(blank: str) -> str:
    upgrade(blank)
    return blank


def an_entry(subject: str = "washer") -> AuditEntry:
    return AuditEntry("alice", "line.state", subject, {"state": "LIVE"}, utc_now(), line="washer")


def change_that_fails(url: str) -> None:
    with connected(url) as connection:
        append_audit(connection, an_entry())
        raise ZeroDivisionError


def test_audit_entry_is_stored_with_its_change_or_not_at_all(url: str) -> None:
    with pytest.raises(ZeroDivisionError):
        change_that_fails(url)
    assert fetch(url, "SELECT * FROM audit") == []
    with connected(url) as connection:
        append_audit(connection, an_entry())
    assert fetch(url, "SELECT actor, action, subject, line FROM audit") == [("alice", "line.state", "washer", "washer")]


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'bob'", "DELETE FROM audit"])
def test_audit_entries_are_never_changed_or_removed(url: str, statement: str) -> None:
    with connected(url) as connection:
        append_audit(connection, an_entry())
    with pytest.raises(DBAPIError, match="never changed or removed"):
        execute(url, statement)
    assert fetch(url, "SELECT actor FROM audit") == [("alice",)]


def test_audit_takes_any_text(url: str) -> None:
    with connected(url) as connection:
        append_audit(connection, an_entry("a\0b\ud800"))
    assert fetch(url, "SELECT subject FROM audit") == [("a�b�",)]
