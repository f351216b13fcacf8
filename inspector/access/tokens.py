"""Tokens: what programs log in with, each with roles of its own and an end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from inspector.access.login_secret import MAX_SECRET_CHARACTERS, TOKEN_PREFIX, is_id, new_id, new_secret, stored_form
from inspector.access.roles import bounded, require_roles, role_texts
from inspector.domain.person import Person, Role
from inspector.errors import InspectorError, NotFoundError
from inspector.ports.access import ApiToken, AuditEntry, TokenStore
from inspector.utc import utc_now

TOKEN_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
DEFAULT_DAYS: Final = 90
MAX_DAYS: Final = 366


class NewToken(NamedTuple):
    """A token with its secret, which is shown once."""

    token: ApiToken
    secret: str


class TokenRequest(NamedTuple):
    """A token to make. `owner` bounds it by the roles of a user, from request to request."""

    name: str
    roles: Mapping[str, Role]
    days: float = DEFAULT_DAYS
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of all programs. `actor` is who changes them. Every method raises LedgerError."""

    store: TokenStore
    now: Callable[[], datetime] = utc_now

    def create(self, asked: TokenRequest, actor: str) -> NewToken:
        """Make a token. Raises ConflictError for a name in use, InspectorError for what is not accepted."""
        _require(asked)
        now, secret = self.now(), new_secret(TOKEN_PREFIX)
        ends = now + timedelta(days=asked.days)
        token = ApiToken(new_id(), asked.name, require_roles(asked.roles), asked.owner, actor, now, ends)
        detail = {"name": token.name, "roles": role_texts(token.roles), "expires_at": ends.isoformat()}
        entry = self._entry(actor, "token.add", token.token_id, detail | {"owner": token.owner})
        self.store.add_token(token, stored_form(secret), entry)
        return NewToken(token, secret)

    def identify(self, secret: str) -> Person | None:
        """Return the program that has this secret; None for a token that has ended or never was."""
        if len(secret) > MAX_SECRET_CHARACTERS:
            return None
        found = self.store.token(stored_form(secret))
        if found is None or not self.is_valid(found.token):
            return None
        token, owner = found
        if owner is not None and owner.disabled_at is not None:
            return None
        return Person(f"token:{token.name}", token.roles if owner is None else bounded(token.roles, owner.roles))

    def is_valid(self, token: ApiToken) -> bool:
        return token.revoked_at is None and self.now() < token.expires_at

    def all(self) -> list[ApiToken]:
        """List all tokens, newest first."""
        return self.store.tokens()

    def token(self, token_id: str) -> ApiToken:
        """Return the token with this id, or else the one in use with this name. Raises NotFoundError."""
        tokens = self.all()
        named = (each for each in tokens if each.name == token_id and self.is_valid(each))
        found = next((each for each in tokens if each.token_id == token_id), None) or next(named, None)
        if found is not None:
            return found
        raise NotFoundError(f"there is no token {token_id}; see: inspector token list")

    def revoke(self, token_id: str, actor: str) -> ApiToken:
        """End a token at once. Raises NotFoundError where it is revoked or never was."""
        token = self.token(token_id)
        entry = self._entry(actor, "token.revoke", token.token_id, {"name": token.name})
        if not self.store.revoke_token(token.token_id, entry):
            raise NotFoundError(f"token {token.name} is revoked already")
        return self.token(token.token_id)

    def _entry(self, actor: str, action: str, subject: str, detail: dict[str, Any]) -> AuditEntry:
        return AuditEntry(actor, action, subject, detail, self.now())


def _require(asked: TokenRequest) -> None:
    if not TOKEN_NAME.fullmatch(asked.name):
        raise InspectorError(f"name: {asked.name!r} is not accepted; use a-z, 0-9, and . _ - inside, at most 64")
    if is_id(asked.name):
        raise InspectorError(
            f"name: {asked.name} has the form of a token's id; choose one that is not 16 of 0-9 and a-f"
        )
    if not 0 < asked.days <= MAX_DAYS:
        raise InspectorError(f"days: {asked.days:g} is not accepted; use more than 0 and at most {MAX_DAYS}")
