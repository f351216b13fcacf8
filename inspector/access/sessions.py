"""Sessions: logins of users in browsers, until they end, time out or are ended by somebody."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple

from inspector.access.failed_logins import FailedLogins
from inspector.access.login_limit import LoginLimit
from inspector.access.login_secret import MAX_SECRET_CHARACTERS, new_id, new_secret, stored_form
from inspector.access.passwords import MAX_CHARACTERS, hash_password, is_password
from inspector.domain.person import Person
from inspector.errors import InspectorError, LedgerError, NotFoundError
from inspector.ports.access import AuditEntry, Credentials, OpenSession, Session, SessionStore, UserStore
from inspector.text import one_line, shortened
from inspector.utc import utc_now

log = logging.getLogger(__name__)

LONGEST: Final = timedelta(days=7)  # of one session, however much it is used
LONGEST_UNUSED: Final = timedelta(hours=12)  # a shift
SEEN_EVERY: Final = timedelta(minutes=5)  # the use of a session is stored this often: reading must not write each time
MAX_PROGRAM_CHARACTERS: Final = 200
MAX_NAME_CHARACTERS: Final = 64
NOBODY: Final = "nobody"  # who fails to log in, in the audit
UNKNOWN_NAME: Final = "unknown name"  # it may be a password in the wrong field


class LoginRefused(InspectorError):
    """Name or password are wrong. It does not say which."""


class TooManyLogins(InspectorError):
    """Too many logins failed. `wait_s` is when the next may be tried."""

    def __init__(self, text: str, wait_s: float) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class Client(NamedTuple):
    """The browser that logs in."""

    address: str
    program: str = ""


class NewSession(NamedTuple):
    """A session with the secret that only its browser knows."""

    session: Session
    person: Person
    secret: str


class SessionUse(NamedTuple):
    """A session and its person, at a request."""

    session: Session
    person: Person


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of all users. Every method raises LedgerError."""

    users: UserStore
    store: SessionStore
    limit: LoginLimit = field(default_factory=LoginLimit)
    now: Callable[[], datetime] = utc_now
    failed: FailedLogins = field(default_factory=FailedLogins)

    def log_in(self, name: str, password: str, client: Client) -> NewSession:
        """Open a session. Raises LoginRefused, and TooManyLogins after too many of them."""
        name = shortened(one_line(name.strip().lower()), MAX_NAME_CHARACTERS)
        self._require_patience(name, client)
        found = self.users.credentials(name)
        if not _is_right(found, password):
            self.limit.note_failure(name, client.address)
            log.warning("login of %s from %s is refused", name, client.address)
            self._note_failure(name if found else UNKNOWN_NAME, client)
            raise LoginRefused("name or password are wrong; try again, or have it reset: inspector user reset NAME")
        self.limit.note_success(name, client.address)
        return self.open_for(name, client)

    def open_for(self, name: str, client: Client, longest: timedelta = LONGEST) -> NewSession:
        """Open a session for somebody who has proved to be this user."""
        now, secret = self.now(), new_secret()
        program = _program(client)
        session = Session(new_id(), name, client.address, program, now, now, now + longest)
        detail = {"address": client.address, "program": program}
        self.store.add_session(session, stored_form(secret), self._entry(name, "session.add", name, detail))
        found = self.store.session(stored_form(secret))
        if found is None:
            raise LedgerError("the login was not stored; try again")
        return NewSession(session, Person(name, found.user.roles), secret)

    def identify(self, secret: str) -> SessionUse | None:
        """Return whose session this is; None for one that has ended or never was."""
        found = self.store.session(stored_form(secret)) if len(secret) <= MAX_SECRET_CHARACTERS else None
        now = self.now()
        if found is None or not _is_open(found, now):
            return None
        if now - found.session.seen_at > SEEN_EVERY:
            with suppress(LedgerError):  # a busy database must not refuse readers
                self.store.see_session(found.session.session_id, now)
        return SessionUse(found.session, Person(found.user.name, found.user.roles))

    def all(self, user: str | None = None) -> list[Session]:
        """List open sessions, newest first."""
        now = self.now()
        return [each for each in self.store.sessions(user, now) if now - each.seen_at <= LONGEST_UNUSED]

    def end(self, session_id: str, actor: str) -> None:
        """End a session. Raises NotFoundError where it has ended."""
        if not self.store.end_session(session_id, self._entry(actor, "session.end", session_id, {})):
            raise NotFoundError(f"there is no open session {session_id}")

    def _note_failure(self, name: str, client: Client) -> None:
        """Add the failed login to the audit. A busy database does not change the answer."""
        unrecorded = self.failed.note()
        if unrecorded is None:
            return
        detail = {"address": client.address, "program": _program(client)}
        more = {"unrecorded": unrecorded} if unrecorded else {}
        with suppress(LedgerError):
            self.store.note_refused_login(self._entry(NOBODY, "session.refuse", name, detail | more))

    def _require_patience(self, name: str, client: Client) -> None:
        wait_s = self.limit.wait_s(name, client.address)
        if wait_s > 0:
            minutes = -(-wait_s // 60)
            raise TooManyLogins(f"too many logins failed; try again in {minutes:.0f} min", wait_s)

    def _entry(self, actor: str, action: str, subject: str, detail: dict[str, Any]) -> AuditEntry:
        return AuditEntry(actor, action, subject, detail, self.now())


def _program(client: Client) -> str:
    return shortened(one_line(client.program), MAX_PROGRAM_CHARACTERS)


@cache
def _nobodys_hash() -> str:
    """Return a hash that no password has: an unknown name takes as long as a known one."""
    return hash_password(new_secret())


def _is_right(found: Credentials | None, password: str) -> bool:
    """Check the password of a user who may log in. It takes as long for others."""
    if len(password) > MAX_CHARACTERS:
        return False
    matches = is_password(password, found.password if found else _nobodys_hash())
    return matches and found is not None and found.user.disabled_at is None


def _is_open(found: OpenSession, now: datetime) -> bool:
    session = found.session
    unused = now - session.seen_at
    return found.user.disabled_at is None and now < session.ends_at and unused <= LONGEST_UNUSED
