"""Stores people, their logins and the tokens of programs, each change with its entry in the audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from inspector.adapters.ledger.audit import append_all_audits, append_audit
from inspector.adapters.ledger.database import ledger_errors, open_engine, read
from inspector.adapters.ledger.tables import sessions, tokens, users
from inspector.domain.person import Person, Role, role_names
from inspector.errors import ConflictError, NotFoundError, StaleError
from inspector.ports.access import (
    ApiToken,
    AuditEntry,
    Credentials,
    OpenSession,
    OwnedToken,
    Session,
    User,
    UserChange,
)
from inspector.text import printable

FORGOTTEN_AFTER: Final = timedelta(days=30)  # of an ended login; what it did stays in the audit
READERS: Final = 4  # connections: each request of the API asks who sends it


class SqlPeople:
    """`ports.UserStore`, `ports.SessionStore` and `ports.TokenStore` for one database. `close` frees connections."""

    def __init__(self, url: str) -> None:
        self._reading = open_engine(url, writes=False, connections=READERS)
        self._writing = open_engine(url, writes=True)

    def close(self) -> None:
        self._reading.dispose()
        self._writing.dispose()

    def has_users(self) -> bool:
        return read(self._reading, lambda connection: connection.scalar(select(users.c.number).limit(1))) is not None

    def users(self) -> list[User]:
        query = select(users).order_by(users.c.name)
        return read(self._reading, lambda connection: [_user(row) for row in connection.execute(query)])

    def credentials(self, name: str) -> Credentials | None:
        return read(self._reading, _credentials, printable(name))

    def add_user(self, user: User, password: str, entry: AuditEntry) -> None:
        row = user._asdict() | {"roles": role_names(user.roles), "password": password}
        with (
            self._transaction("the user can't be stored", entry) as connection,
            _unique_name(user.name),
        ):
            connection.execute(insert(users), row)
            _require_administrator(connection)

    def change_user(
        self, name: str, change: UserChange, entries: Sequence[AuditEntry], expected: User | None = None
    ) -> None:
        with self._transaction("the user can't be changed", *entries) as connection:
            name = printable(name)
            _wait_for_others(connection)
            _require(connection, name, expected)
            _change(connection, name, change, entries[0].at)
            _require_administrator(connection)

    def add_session(self, session: Session, secret: str, entry: AuditEntry) -> None:
        with self._transaction("the login can't be stored", entry) as connection:
            connection.execute(delete(sessions).where(sessions.c.ends_at < entry.at - FORGOTTEN_AFTER))
            row = session._asdict() | {"user": _number(connection, session.user), "secret": secret}
            connection.execute(insert(sessions), row)

    def note_refused_login(self, entry: AuditEntry) -> None:
        with ledger_errors("the failed login can't be stored"), self._writing.begin() as connection:
            append_audit(connection, entry)

    def session(self, secret: str) -> OpenSession | None:
        return read(self._reading, _open_session, secret)

    def sessions(self, user: str | None, now: datetime) -> list[Session]:
        return read(self._reading, _sessions, None if user is None else printable(user), now)

    def see_session(self, session_id: str, at: datetime) -> None:
        seen = update(sessions).where(sessions.c.session_id == session_id).values(seen_at=at)
        with ledger_errors("the login can't be stored"), self._writing.begin() as connection:
            connection.execute(seen)

    def end_session(self, session_id: str, entry: AuditEntry) -> bool:
        is_open = (sessions.c.session_id == printable(session_id), sessions.c.ends_at > entry.at)
        with ledger_errors("the login can't be ended"), self._writing.begin() as connection:
            ended = connection.execute(update(sessions).where(*is_open).values(ends_at=entry.at)).rowcount > 0
            if ended:
                append_audit(connection, entry)
            return ended

    def add_token(self, token: ApiToken, secret: str, entry: AuditEntry) -> None:
        with self._transaction("the token can't be stored", entry) as connection:
            _wait_for_others(connection)
            _require_free_name(connection, token)
            owner = None if token.owner is None else _number(connection, token.owner)
            row = token._asdict() | {"roles": role_names(token.roles), "owner": owner, "secret": secret}
            connection.execute(insert(tokens), row)

    def token(self, secret: str) -> OwnedToken | None:
        return read(self._reading, _owned_token, secret)

    def tokens(self) -> list[ApiToken]:
        query = _tokens().order_by(tokens.c.created_at.desc(), tokens.c.token_id)
        return read(self._reading, lambda connection: [_token(row) for row in connection.execute(query).mappings()])

    def revoke_token(self, token_id: str, entry: AuditEntry) -> bool:
        is_open = (tokens.c.token_id == token_id, tokens.c.revoked_at.is_(None))
        with ledger_errors("the token can't be revoked"), self._writing.begin() as connection:
            revoked = connection.execute(update(tokens).where(*is_open).values(revoked_at=entry.at)).rowcount > 0
            if revoked:
                append_audit(connection, entry)
            return revoked

    @contextmanager
    def _transaction(self, what: str, *entries: AuditEntry) -> Iterator[Connection]:
        """Open a transaction that ends with the entries."""
        with ledger_errors(what), self._writing.begin() as connection:
            yield connection
            append_all_audits(connection, entries)


@contextmanager
def _unique_name(name: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(f"there is a user {name} already; choose another name") from error


def _wait_for_others(connection: Connection) -> None:
    """Let one process at a time compare and store. SQLite's transactions that write do so by themselves."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))


def _require(connection: Connection, name: str, expected: User | None) -> None:
    row = connection.execute(select(users).where(users.c.name == name)).first()
    if row is None:
        raise NotFoundError(f"there is no user {name}; see: inspector user list")
    if expected is not None and _user(row) != expected:
        raise StaleError(f"somebody else changed user {name} meanwhile; look at it and repeat")


def _change(connection: Connection, name: str, change: UserChange, at: datetime) -> None:
    values: dict[str, Any] = {}
    if change.password is not None:
        values["password"] = change.password
    if change.roles is not None:
        values["roles"] = role_names(change.roles)
    if change.is_disabled is not None:
        values["disabled_at"] = at if change.is_disabled else None
    this_user = users.c.name == name
    if values:
        connection.execute(update(users).where(this_user).values(values))
    if change.ends_sessions:
        its_number = select(users.c.number).where(this_user).scalar_subquery()
        its_open = (sessions.c.user == its_number, sessions.c.ends_at > at)
        connection.execute(update(sessions).where(*its_open).values(ends_at=at))


def _require_administrator(connection: Connection) -> None:
    enabled = connection.execute(select(users).where(users.c.disabled_at.is_(None)))
    if not any(Person(user.name, user.roles).may(Role.ADMIN) for user in map(_user, enabled)):
        raise ConflictError(
            "nobody could manage users then; first give somebody the role admin: "
            "inspector user add NAME --role admin, or inspector user roles NAME --role admin"
        )


def _require_free_name(connection: Connection, token: ApiToken) -> None:
    """Entries of the audit name tokens: two in use at a time must differ."""
    in_use = (tokens.c.name == token.name, tokens.c.revoked_at.is_(None), tokens.c.expires_at > token.created_at)
    if connection.execute(select(tokens.c.token_id).where(*in_use)).first():
        raise ConflictError(f"there is a token {token.name} already; choose another name, or revoke that one first")


def _number(connection: Connection, name: str) -> int:
    number = connection.scalar(select(users.c.number).where(users.c.name == name, users.c.disabled_at.is_(None)))
    if number is None:
        raise NotFoundError(f"there is no user {name} who may log in; see: inspector user list")
    return number


def _credentials(connection: Connection, name: str) -> Credentials | None:
    row = connection.execute(select(users).where(users.c.name == name)).first()
    return None if row is None else Credentials(_user(row), row.password)


def _open_session(connection: Connection, secret: str) -> OpenSession | None:
    row = connection.execute(_session_query().where(sessions.c.secret == secret)).mappings().first()
    return None if row is None else OpenSession(_session(row), _user_of(connection, row["name"]))


def _sessions(connection: Connection, user: str | None, now: datetime) -> list[Session]:
    query = _session_query().where(sessions.c.ends_at > now)
    query = query if user is None else query.where(users.c.name == user)
    rows = connection.execute(query.order_by(sessions.c.created_at.desc(), sessions.c.session_id)).mappings()
    return [_session(row) for row in rows]


def _session_query() -> Select[Any]:
    return select(sessions, users.c.name).join(users, users.c.number == sessions.c.user)


def _session(row: Any) -> Session:
    names = ("address", "program", "created_at", "seen_at", "ends_at")
    return Session(row["session_id"], row["name"], *(row[name] for name in names))


def _owned_token(connection: Connection, secret: str) -> OwnedToken | None:
    row = connection.execute(_tokens().where(tokens.c.secret == secret)).mappings().first()
    if row is None:
        return None
    token = _token(row)
    return OwnedToken(token, None if token.owner is None else _user_of(connection, token.owner))


def _tokens() -> Select[Any]:
    owner = users.c.name.label("owner_name")
    return select(tokens, owner).select_from(tokens).outerjoin(users, users.c.number == tokens.c.owner)


def _token(row: Any) -> ApiToken:
    names = ("author", "created_at", "expires_at", "revoked_at")
    roles = _roles(row["roles"])
    return ApiToken(row["token_id"], row["name"], roles, row["owner_name"], *(row[name] for name in names))


def _user_of(connection: Connection, name: str) -> User:
    return _user(connection.execute(select(users).where(users.c.name == name)).one())


def _user(row: Any) -> User:
    return User(row.name, _roles(row.roles), row.author, row.created_at, row.disabled_at)


def _roles(stored: Mapping[str, str]) -> dict[str, Role]:
    return {line: Role[name] for line, name in stored.items()}
