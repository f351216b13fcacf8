"""Adds entries to the audit, in the transaction of the change that they describe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, insert

from inspector.adapters.ledger.tables import audit
from inspector.ports.access import AuditEntry
from inspector.text import printable


def append_audit(connection: Connection, entry: AuditEntry) -> None:
    """Add one entry. It is stored, or not, with the rest of the transaction."""
    append_all_audits(connection, [entry])


def append_all_audits(connection: Connection, entries: Iterable[AuditEntry]) -> None:
    """Add entries in order."""
    if rows := [_row(entry) for entry in entries]:
        connection.execute(insert(audit), rows)


def _row(entry: AuditEntry) -> dict[str, Any]:
    texts = {name: printable(getattr(entry, name)) for name in ("actor", "action", "subject")}
    line = None if entry.line is None else printable(entry.line)
    return texts | {"line": line, "detail": dict(entry.detail), "at": entry.at}
