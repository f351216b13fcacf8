"""Stores the states of lines and their rights to pass. Rows are only added; the newest state counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from inspector.adapters.ledger.audit import append_audit
from inspector.adapters.ledger.database import ledger_errors, open_engine
from inspector.adapters.ledger.rows import Row
from inspector.adapters.ledger.tables import line_states, pass_rights, pipeline_versions
from inspector.adapters.ledger.version_lock import wait_for_others
from inspector.domain.line_state import PassRight
from inspector.errors import StaleError
from inspector.ports.access import AuditEntry
from inspector.ports.lines import SeenLine, StatusChange
from inspector.utc import utc_now


class SqlLineStore:
    """`ports.LineStore` for one database."""

    def __init__(self, url: str) -> None:
        self._url = url

    def change_status(self, change: StatusChange) -> None:
        engine = open_engine(self._url, writes=True)
        try:
            with ledger_errors("the line's status can't be stored"), engine.begin() as connection:
                if change.seen is not None:
                    _require_seen(connection, change.line, change.seen)
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


def _require_seen(connection: Connection, line: str, seen: SeenLine) -> None:
    """Refuse a change whose author does not know the newest version and state. A pause that comes now waits for it."""
    wait_for_others(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE line_states IN SHARE ROW EXCLUSIVE MODE"))
    version, state = pipeline_versions.c, line_states.c
    live = connection.scalar(select(func.max(version.version)).where(version.line == line))
    if live != seen.version:
        raise StaleError(f"{line}: version {live} is live, not {seen.version}; look at it and repeat")
    newest = connection.execute(
        select(line_states).where(state.line == line).order_by(state.number.desc()).limit(1)
    ).first()
    if newest is not None and newest.number != seen.number:
        why = f" ({newest.reason})" if newest.reason else ""
        raise StaleError(f"{line}: {newest.author} set it {newest.state} meanwhile{why}; look at it and repeat")


def _covered(right: PassRight) -> dict[str, Any]:
    return {"fingerprint": right.fingerprint, "policy": right.policy, "cameras": list(right.cameras)}
