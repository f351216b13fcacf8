"""Manage people, tokens and the audit of this installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from inspector.access.audit import Audit, AuditCheck
from inspector.access.roles import role_texts
from inspector.access.sessions import Sessions
from inspector.access.tokens import Tokens
from inspector.access.users import Users
from inspector.adapters.ledger import SqlAuditStore, SqlPeople, database_exists, upgrade
from inspector.ports.access import ApiToken, AuditRecord, Session, User
from inspector.settings import Settings


@dataclass(frozen=True, slots=True)
class People:
    """Users, their sessions, and tokens."""

    users: Users
    sessions: Sessions
    tokens: Tokens


@contextmanager
def people_of(settings: Settings) -> Iterator[People]:
    """Yield the people of this installation. Makes its database where there is none. Raises LedgerError."""
    if not database_exists(settings.database):
        upgrade(settings.database)
    with closing(SqlPeople(settings.database)) as store:
        yield People(Users(store), Sessions(store, store), Tokens(store))


@contextmanager
def audit_of(settings: Settings) -> Iterator[Audit]:
    """Yield the audit of this installation. Raises LedgerError."""
    with closing(SqlAuditStore(settings.database)) as store:
        yield Audit(store)


def user_json(user: User) -> dict[str, Any]:
    return user._asdict() | {"roles": role_texts(user.roles)}


def session_json(session: Session) -> dict[str, Any]:
    return session._asdict()


def token_json(token: ApiToken) -> dict[str, Any]:
    return token._asdict() | {"roles": role_texts(token.roles)}


def entry_json(record: AuditRecord) -> dict[str, Any]:
    return {"number": record.number} | record.entry._asdict()


def check_json(check: AuditCheck) -> dict[str, Any]:
    newest = check.newest and f"{check.newest.position}:{check.newest.seal}"
    return check._asdict() | {"newest": newest, "is_unaltered": not check.fault}
