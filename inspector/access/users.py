"""Users: people with a password, and what they may do on which line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from inspector.access.passwords import hash_password, require_password
from inspector.access.roles import require_roles, role_texts
from inspector.domain.person import Role
from inspector.errors import InspectorError, NotFoundError
from inspector.ports.access import AuditEntry, User, UserChange, UserStore
from inspector.utc import utc_now

USER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # no colon: `cli:` and `token:` name no users
RESERVED_NAMES: Final = frozenset(  # of the audit
    {"cli", "console", "demo", "guard", "settings", "sign-on", "token", "upgrade"}
)
FIRST_ADMINISTRATOR: Final = "admin"


@dataclass(frozen=True, slots=True)
class Users:
    """The users. `actor` is who changes them. Every method raises LedgerError."""

    store: UserStore
    now: Callable[[], datetime] = utc_now

    def exist(self) -> bool:
        return self.store.has_users()

    def all(self) -> list[User]:
        return self.store.users()

    def user(self, name: str) -> User:
        """Return a user. Raises NotFoundError."""
        found = self.store.credentials(name)
        if found is None:
            raise NotFoundError(f"there is no user {name}; see: inspector user list")
        return found.user

    def add(self, name: str, roles: Mapping[str, Role], password: str, actor: str) -> User:
        """Add a user. Raises ConflictError for a name that is taken, InspectorError for what is not accepted."""
        _require_name(name)
        user = User(name, require_roles(roles), actor, self.now())
        hashed = hash_password(require_password(password, name))
        self.store.add_user(user, hashed, self._entry(actor, "user.add", name, {"roles": role_texts(roles)}))
        return user

    def add_first(self, password: str, actor: str) -> User | None:
        """Add the first administrator; None, changing nothing, where there are users already."""
        if self.exist():
            return None
        return self.add(FIRST_ADMINISTRATOR, {"*": Role.ADMIN}, password, actor)

    def reset(self, name: str, password: str, actor: str) -> User:
        """Give a user another password, enable the user and end all logins."""
        hashed = hash_password(require_password(password, name))
        change = UserChange(password=hashed, is_disabled=False)
        self.store.change_user(name, change, [self._entry(actor, "user.reset", name, {})])
        return self.user(name)

    def change(self, name: str, change: UserChange, actor: str, expected: User | None = None) -> User:
        """Change roles, disable or enable a user: all of it or nothing, with an entry of the audit for each."""
        entries = []
        if change.roles is not None:
            detail = {"roles": role_texts(require_roles(change.roles))}
            entries.append(self._entry(actor, "user.roles", name, detail))
        if change.is_disabled is not None:
            entries.append(self._entry(actor, "user.disable" if change.is_disabled else "user.enable", name, {}))
        if entries:
            self.store.change_user(name, change, entries, expected)
        return self.user(name)

    def set_roles(self, name: str, roles: Mapping[str, Role], actor: str, expected: User | None = None) -> User:
        """Replace a user's roles. They count from the next request on."""
        return self.change(name, UserChange(roles=roles), actor, expected)

    def disable(self, name: str, actor: str, expected: User | None = None) -> User:
        """End a user's logins and refuse new ones. Tokens that the user owns stop working."""
        return self.change(name, UserChange(is_disabled=True), actor, expected)

    def enable(self, name: str, actor: str, expected: User | None = None) -> User:
        return self.change(name, UserChange(is_disabled=False), actor, expected)

    def _entry(self, actor: str, action: str, name: str, detail: dict[str, Any]) -> AuditEntry:
        return AuditEntry(actor, action, name, detail, self.now())


def _require_name(name: str) -> None:
    if not USER_NAME.fullmatch(name):
        raise InspectorError(f"name: {name!r} is not accepted; use a-z, 0-9, and . _ - inside, at most 64 characters")
    if name in RESERVED_NAMES:
        raise InspectorError(f"name: {name} is used in the audit for other actors; choose another")
