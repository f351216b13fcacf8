"""People on a real database, at a time that tests set."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from inspector.access.login_limit import LoginLimit
from inspector.access.sessions import Sessions
from inspector.access.tokens import Tokens
from inspector.access.users import Users
from inspector.adapters.ledger import SqlAuditStore, SqlPeople
from inspector.domain.person import Role
from inspector.ports.access import AuditFilter


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 3, 4, 6, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Plant:
    """The people of one installation. ann is its administrator."""

    url: str
    store: SqlPeople
    clock: Clock

    def __post_init__(self) -> None:
        self.users = Users(self.store, self.clock)
        self.sessions = Sessions(self.store, self.store, LoginLimit(self.clock), self.clock)
        self.tokens = Tokens(self.store, self.clock)
        self.users.add("ann", {"*": Role.ADMIN}, PASSWORD, "cli:root")

    def actions(self) -> list[tuple[str, str, str]]:
        """Who did what to whom, oldest first."""
        with closing(SqlAuditStore(self.url)) as audit:
            entries = [record.entry for record in audit.entries(AuditFilter(), 100)]
        return [(entry.actor, entry.action, entry.subject) for entry in reversed(entries)]


PASSWORD: Final = "correct horse battery"
