"""Stores the states of lines and their rights to pass. Rows are only added; the newest state counts."""

from __future__ import annotations

from sqlalchemy import insert

from inspector.adapters.ledger.database import ledger_errors, open_engine
from inspector.adapters.ledger.tables import line_states, pass_rights
from inspector.ports.lines import StatusChange
from inspector.utc import utc_now


class SqlLineStore:
    """`ports.LineStore` for one database."""

    def __init__(self, url: str) -> None:
        self._url = url

    def change_status(self, change: StatusChange) -> None:
        engine = open_engine(self._url, writes=True)
        given = {"line": change.line, "reason": change.reason, "author": change.author, "at": utc_now()}
        try:
            with ledger_errors("the line's status can't be stored"), engine.begin() as connection:
                for right in change.rights:
                    covered = {"fingerprint": right.fingerprint, "policy": right.policy, "cameras": list(right.cameras)}
                    connection.execute(
                        insert(pass_rights), given | covered | {"origin": right.origin, "until": right.until}
                    )
                if change.state is not None:
                    connection.execute(insert(line_states), given | {"state": change.state})
        finally:
            engine.dispose()
