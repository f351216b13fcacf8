"""Single sign-on: people log in at the plant's identity provider, and their groups there say what they may do here.

A login begins with a ticket, which the browser keeps until it returns from the provider. It is signed and counts once.
Nothing is kept here for logins that never return, so that nobody fills the memory by beginning them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Final, NamedTuple

from inspector.access.login_secret import new_secret
from inspector.access.roles import require_roles, role_texts
from inspector.access.sessions import Client, LoginRefused, NewSession, Sessions, TooManyLogins
from inspector.access.users import RESERVED_NAMES, USER_NAME
from inspector.domain.person import Role
from inspector.errors import ConflictError
from inspector.ports.access import AuditEntry, Credentials, User, UserChange, UserStore
from inspector.ports.identity_provider import IdentityProvider, ProvenIdentity, SignOnRequest
from inspector.text import one_line, shortened
from inspector.utc import utc_now

log = logging.getLogger(__name__)

ACTOR: Final = "sign-on"  # who adds users and changes their roles, in the audit
LONGEST_TICKET: Final = timedelta(minutes=10)  # from the button to the return
LONGEST_SESSION: Final = timedelta(hours=12)  # a shift: who loses a group loses the login within it
MAX_TICKET_CHARACTERS: Final = 4096
MAX_PATH_CHARACTERS: Final = 1024  # of the page that was wanted
MAX_AT_ONCE: Final = 4  # questions to the provider: a slow one must not take the console's threads
MAX_USED: Final = 10_000  # tickets that are remembered as used; each cost an answer of the provider
IDENTITY_PREFIX: Final = "oidc:"  # of a credential that is no password's hash
NAME_RUBBISH: Final = re.compile(r"[^a-z0-9._-]+")


class SignOnStart(NamedTuple):
    """The provider's page, and the ticket that the browser brings back."""

    url: str
    ticket: str


class SignOnReturn(NamedTuple):
    """What the browser brings back from the provider."""

    ticket: str
    state: str
    code: str


class SignedOn(NamedTuple):
    """The new session, and the page that was wanted first."""

    session: NewSession
    wanted: str


class _Ticket(NamedTuple):
    request: SignOnRequest
    wanted: str
    ends_at: float


@dataclass(frozen=True, slots=True)
class SignOn:
    """Logins by an identity provider. `roles` are what each of its groups may do. Methods raise LedgerError."""

    provider: IdentityProvider
    users: UserStore
    sessions: Sessions
    roles: Mapping[str, Mapping[str, Role]]
    now: Callable[[], datetime] = utc_now
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    used: _UsedTickets = field(default_factory=lambda: _UsedTickets(MAX_USED))
    room: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MAX_AT_ONCE))

    def start(self, wanted: str, redirect_url: str) -> SignOnStart:
        """Begin a login. Raises IdentityProviderError, and TooManyLogins while too many wait for the provider."""
        request = SignOnRequest(new_secret(), new_secret(), new_secret(), redirect_url)
        path = wanted if len(wanted) <= MAX_PATH_CHARACTERS else "/"
        ends_at = (self.now() + LONGEST_TICKET).timestamp()
        with self._question():
            url = self.provider.login_url(request)
        return SignOnStart(url, self._signed(_Ticket(request, path, ends_at)))

    def finish(self, brought: SignOnReturn, client: Client) -> SignedOn:
        """Open a session for who returns. Raises LoginRefused, TooManyLogins and IdentityProviderError."""
        ticket = self._ticket(brought)
        with self._question():
            identity = self.provider.identity(ticket.request, brought.code)
        try:
            name = self._user_of(identity)
        except LoginRefused as error:
            log.warning("sign-on of %s from %s is refused: %s", _shown(identity.name), client.address, error)
            raise
        return SignedOn(self.sessions.open_for(name, client, LONGEST_SESSION), ticket.wanted)

    @contextmanager
    def _question(self) -> Iterator[None]:
        if not self.room.acquire(blocking=False):
            raise TooManyLogins("too many people log in at this moment; try again", 5.0)
        try:
            yield
        finally:
            self.room.release()

    def _signed(self, ticket: _Ticket) -> str:
        content = json.dumps([*ticket.request, ticket.wanted, ticket.ends_at]).encode()
        return base64.urlsafe_b64encode(hmac.digest(self.key, content, "sha256") + content).decode()

    def _ticket(self, brought: SignOnReturn) -> _Ticket:
        """Return the ticket that the browser brings. It counts once, in time, and for its own state."""
        ticket = self._opened(brought.ticket)
        if ticket is None or not hmac.compare_digest(ticket.request.state.encode(), brought.state.encode()):
            raise LoginRefused("this login was not begun in this browser, or the service started again; log in again")
        now_s = self.now().timestamp()
        if now_s >= ticket.ends_at:
            raise LoginRefused(f"this login took longer than {LONGEST_TICKET}; log in again")
        if not self.used.add(ticket.request.state):
            raise LoginRefused("this login was used already; log in again")
        return ticket

    def _opened(self, text: str) -> _Ticket | None:
        if len(text) > MAX_TICKET_CHARACTERS:
            return None
        try:
            signed = base64.urlsafe_b64decode(text.encode("ascii"))
        except ValueError:
            return None
        seal, content = signed[:32], signed[32:]
        if not hmac.compare_digest(seal, hmac.digest(self.key, content, "sha256")):
            return None
        *request, wanted, ends_at = json.loads(content)
        return _Ticket(SignOnRequest(*request), wanted, ends_at)

    def _user_of(self, identity: ProvenIdentity) -> str:
        """Return the user with this identity and the roles of its groups. Adds one that is new."""
        name, credential = user_name(identity.name), credential_of(identity)
        known, roles = self.users.credentials(name), self._roles(identity.groups)
        try:
            if known is None:
                self._add(name, roles, identity)
            else:
                self._update(known, credential, roles)
        except ConflictError as error:
            raise LoginRefused(f"{name}: {error}") from error
        return name

    def _roles(self, groups: Iterable[str]) -> dict[str, Role]:
        """Return what all groups together allow."""
        joined: dict[str, Role] = {}
        for group in groups:
            for line, role in self.roles.get(group, {}).items():
                joined[line] = max(role, joined.get(line, role))
        return joined

    def _add(self, name: str, roles: Mapping[str, Role], identity: ProvenIdentity) -> None:
        _require_some(name, roles)
        user = User(name, require_roles(roles), ACTOR, self.now())
        detail = {"roles": role_texts(roles), "issuer": identity.issuer, "subject": identity.subject}
        entry = AuditEntry(ACTOR, "user.add", name, detail, user.created_at)
        self.users.add_user(user, credential_of(identity), entry)

    def _update(self, known: Credentials, credential: str, roles: Mapping[str, Role]) -> None:
        name = known.user.name
        if not hmac.compare_digest(known.password, credential):
            raise LoginRefused(f"{name} is a user with another identity or a password; an administrator knows which")
        if known.user.disabled_at is not None:
            raise LoginRefused(f"user {name} is disabled; ask an administrator: inspector user enable {name}")
        if not roles:
            self._change(name, UserChange(password=credential), "user.no-group", {})  # ends open logins
        _require_some(name, roles)
        if dict(known.user.roles) != dict(roles):
            self._change(name, UserChange(roles=require_roles(roles)), "user.roles", {"roles": role_texts(roles)})

    def _change(self, name: str, change: UserChange, action: str, detail: dict[str, list[str]]) -> None:
        self.users.change_user(name, change, [AuditEntry(ACTOR, action, name, detail, self.now())])


class _UsedTickets:
    """Remembers the last used states."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._states: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def add(self, state: str) -> bool:
        """Remember a state; returns False for one that was used."""
        with self._lock:
            if state in self._states:
                return False
            self._states[state] = None
            if len(self._states) > self._most:
                self._states.popitem(last=False)
            return True


def user_name(name: str) -> str:
    """Return the user's name here: what stands before an @, in the characters of our names. Raises LoginRefused."""
    local = name.partition("@")[0].strip().lower()
    tidy = NAME_RUBBISH.sub("-", local).strip("._-")[:64]
    if not USER_NAME.fullmatch(tidy) or tidy in RESERVED_NAMES:
        raise LoginRefused(
            f"the provider's name {_shown(name)!r} can't be a name here; name another claim in "
            "INSPECTOR_OIDC_NAME_CLAIM"
        )
    return tidy


def credential_of(identity: ProvenIdentity) -> str:
    """Return what is stored instead of a password's hash: no password matches it."""
    both = json.dumps([identity.issuer, identity.subject])
    return IDENTITY_PREFIX + hashlib.sha256(both.encode()).hexdigest()


def _require_some(name: str, roles: Mapping[str, Role]) -> None:
    if not roles:
        raise LoginRefused(
            f"{name} is in no group that has a role here; an administrator names groups in INSPECTOR_OIDC_ROLES"
        )


def _shown(name: str) -> str:
    return shortened(one_line(name), 64)
