"""Port of `adapters/ledger`: people, their logins, the tokens of programs, and the audit of what they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from inspector.domain.person import Role


class AuditEntry(NamedTuple):
    """Something that a person or program changed. Stored in the transaction of the change itself.

    `actor` is a user's name, `cli:` and a user of the operating system, `token:` and its name, or `demo`. `action` is
    a thing and a verb, such as `line.state`. `subject` names the thing: a line, a part's result_id, a user. `detail` is
    what changed, in values that JSON can represent. `line` is None where no line is concerned.
    """

    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    at: datetime
    line: str | None = None


class AuditRecord(NamedTuple):
    """An entry as it is stored."""

    number: int
    entry: AuditEntry


class AuditFilter(NamedTuple):
    """What a list of the audit is limited to. None: no limit. `before` is a number; smaller ones are older.

    `lines` are all that may be listed.
    """

    line: str | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    before: int | None = None
    lines: tuple[str, ...] | None = None


class AuditSeal(NamedTuple):
    """One link of the chain: it covers an entry and the seal at the position before."""

    position: int
    entry: int
    seal: str


class SealedRecord(NamedTuple):
    """A seal with the entry that it covers; None where that is gone."""

    seal: AuditSeal
    record: AuditRecord | None


class AuditStore(Protocol):
    """The audit. Synchronous. Raises LedgerError."""

    def entries(self, wanted: AuditFilter, limit: int) -> list[AuditRecord]:
        """List entries, newest first."""

    def newest_seal(self) -> AuditSeal | None:
        """Return the last link of the chain."""

    def unsealed(self, after: int, limit: int) -> list[AuditRecord]:
        """List entries without a seal whose number is larger than `after`, oldest first."""

    def unsealed_count(self) -> int:
        """Return the number of entries without a seal."""

    def add_seals(self, seals: Sequence[AuditSeal]) -> bool:
        """Add links; returns False, and adds none, where another process added one of these positions."""

    def sealed(self, after: int, limit: int) -> list[SealedRecord]:
        """List links behind a position, in order."""


class User(NamedTuple):
    """Somebody with a password. `roles` are by line, `*` for every line."""

    name: str
    roles: Mapping[str, Role]
    author: str
    created_at: datetime
    disabled_at: datetime | None = None


class Credentials(NamedTuple):
    """A user with the hash of the password."""

    user: User
    password: str


class UserChange(NamedTuple):
    """What to change about a user; None leaves it. A new password and a disabled user end all logins."""

    password: str | None = None
    roles: Mapping[str, Role] | None = None
    is_disabled: bool | None = None

    @property
    def ends_sessions(self) -> bool:
        return self.password is not None or bool(self.is_disabled)


class UserStore(Protocol):
    """The users. Synchronous. Raises LedgerError."""

    def has_users(self) -> bool:
        """Whether anybody can log in."""

    def users(self) -> list[User]:
        """List all users by name, disabled ones included."""

    def credentials(self, name: str) -> Credentials | None:
        """Return a user with the password's hash."""

    def add_user(self, user: User, password: str, entry: AuditEntry) -> None:
        """Add a user. Raises ConflictError where the name is taken, and for a first user who is no administrator."""

    def change_user(
        self, name: str, change: UserChange, entries: Sequence[AuditEntry], expected: User | None = None
    ) -> None:
        """Change a user, as `expected` where that is given, and end sessions where the change says so.

        The change and all its entries are stored at once; there is at least one entry.

        Raises NotFoundError for an unknown user, and ConflictError, changing nothing, where somebody else changed the
        user meanwhile or nobody would be left who may manage users.
        """


class Session(NamedTuple):
    """A login. `address` and `program` are the browser's, for people to recognise it."""

    session_id: str
    user: str
    address: str
    program: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime


class OpenSession(NamedTuple):
    """A login with its user."""

    session: Session
    user: User


class SessionStore(Protocol):
    """The logins. Secrets are given as their sha256. Synchronous. Raises LedgerError."""

    def add_session(self, session: Session, secret: str, entry: AuditEntry) -> None:
        """Add a login, and forget those that ended long ago."""

    def note_refused_login(self, entry: AuditEntry) -> None:
        """Add the entry of a failed login to the audit."""

    def session(self, secret: str) -> OpenSession | None:
        """Return a login, ended or not, with its user."""

    def sessions(self, user: str | None, now: datetime) -> list[Session]:
        """List logins that have not ended, of one user or of all, newest first."""

    def see_session(self, session_id: str, at: datetime) -> None:
        """Note that a login was used."""

    def end_session(self, session_id: str, entry: AuditEntry) -> bool:
        """End a login at the entry's time; returns False where it has ended or never was."""


class ApiToken(NamedTuple):
    """What a program logs in with. `owner` is the user whose roles bound it; None: nobody's."""

    token_id: str
    name: str
    roles: Mapping[str, Role]
    owner: str | None
    author: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


class OwnedToken(NamedTuple):
    """A token with its owner."""

    token: ApiToken
    owner: User | None


class TokenStore(Protocol):
    """The tokens. Secrets are given as their sha256. Synchronous. Raises LedgerError."""

    def add_token(self, token: ApiToken, secret: str, entry: AuditEntry) -> None:
        """Add a token. Raises ConflictError where a token in use has the name, NotFoundError for an unknown owner."""

    def token(self, secret: str) -> OwnedToken | None:
        """Return a token, expired or not, with its owner."""

    def tokens(self) -> list[ApiToken]:
        """List all tokens, newest first, expired and revoked ones included."""

    def revoke_token(self, token_id: str, entry: AuditEntry) -> bool:
        """Revoke a token at the entry's time; returns False where it is revoked or never was."""
