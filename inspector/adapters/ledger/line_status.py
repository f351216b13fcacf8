"""Stores the states of lines and their rights to pass. Rows are only added; the newest state counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from inspector.adapters.ledger.audit import append_audit
from inspector.adapters.ledger.database import ledger_errors, open_engine
from inspector.adapters.ledger.rows import Row
from inspector.adapters.ledger.tables import line_states, pass_rights
from inspector.domain.line_state import PassRight
from inspector.ports.access import AuditEntry
from inspector.ports.lines import StatusChange
from inspector.utc import utc_now


class SqlLineStore:
    """`ports.LineStore` for one database."""

    def __init__(self, url: str) -> None:
        self._url = url

    def change_status(self, change: StatusChange) -> None:
        engine = open_engine(self._url, writes=True)
        try:
            with ledger_errors("the line's status can't be stored"), engine.begin() as connection:
                store_status(connection, change, utc_now())
        finally:
            engine.dispose()


def store_status(connection: Connection, change: StatusChange, at: datetime) -> None:
    """Store the state and the rights, with their entry in the audit."""
    given = {"line": change.line, "reason": change.reason, "author": change.author, "at": at}
    for right in change.rights:
        grant(connection, right, given)
    if change.state is not None:
        connection.execute(insert(line_states), given | {"state": change.state})
    rights = [_covered(right) | {"until": right.until and right.until.isoformat()} for right in change.rights]
    detail = {"state": change.state, "reason": change.reason, "rights": rights}
    append_audit(connection, AuditEntry(change.author, "line.state", change.line, detail, at, change.line))


def grant(connection: Connection, right: PassRight, given: Row) -> None:
    """Store a right to pass; `given` says to which line, by whom, when and why."""
    kept = {"origin": right.origin, "until": right.until, "scoring": right.scoring}
    connection.execute(insert(pass_rights), given | _covered(right) | kept)


def _covered(right: PassRight) -> dict[str, Any]:
    return {"fingerprint": right.fingerprint, "policy": right.policy, "cameras": list(right.cameras)}
