"""Tokens: what programs send as `Authorization: Bearer TOKEN`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, Field

from inspector.access.roles import exceeds
from inspector.access.tokens import DEFAULT_DAYS, MAX_DAYS, TokenRequest
from inspector.adapters.console.api.models import ApiModel, ApiRequest
from inspector.adapters.console.api.person import Anybody, Sender
from inspector.adapters.console.api.problems import WRITE_RESPONSES, Problem, ProblemType
from inspector.adapters.console.api.role_fields import MAX_NAME_CHARACTERS, LineRoles, RoleName, names_of, roles_of
from inspector.adapters.console.services import Services
from inspector.domain.person import Person, Role
from inspector.ports.access import ApiToken

router = APIRouter(prefix="/tokens", tags=["people"])


class NewTokenRequest(ApiRequest):
    """A token to make. It never allows more than its owner, who is the person that makes it."""

    name: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]
    roles: LineRoles
    days: Annotated[float, Field(gt=0, le=MAX_DAYS)] = DEFAULT_DAYS


class TokenAnswer(ApiModel):
    token_id: str
    name: str
    roles: dict[str, RoleName] = Field(description="by line; * is every line")
    owner: str | None
    author: str
    created_at: AwareDatetime
    expires_at: AwareDatetime
    revoked_at: AwareDatetime | None


class NewTokenAnswer(TokenAnswer):
    """A new token with its secret, which no later answer holds."""

    secret: str


@router.get("")
def list_tokens(services: Services, who: Anybody) -> tuple[TokenAnswer, ...]:
    """List one's own tokens, newest first; administrators see all."""
    tokens = services.access.tokens.all()
    return tuple(TokenAnswer(**_fields(each)) for each in tokens if _is_own(each, who))


@router.post("", status_code=201, responses=WRITE_RESPONSES)
def create_token(services: Services, caller: Sender, asked: NewTokenRequest, response: Response) -> NewTokenAnswer:
    """Make a token for a program. The secret is shown in this answer only."""
    roles, owner = roles_of(asked.roles), _owner(caller.person, bool(caller.session))
    if exceeds(roles, caller.person.roles):
        raise Problem(ProblemType.ROLE_REQUIRED, "roles: a token can't allow more than you may; ask an administrator")
    made = services.access.tokens.create(TokenRequest(asked.name, roles, asked.days, owner), caller.person.name)
    response.headers["Cache-Control"] = "no-store"
    return NewTokenAnswer(**_fields(made.token), secret=made.secret)


@router.delete("/{token_id}", status_code=204, responses=WRITE_RESPONSES)
def revoke_token(
    services: Services, who: Anybody, token_id: Annotated[str, Path(max_length=MAX_NAME_CHARACTERS)]
) -> None:
    """End a token at once."""
    token = services.access.tokens.token(token_id)
    if not _is_own(token, who):
        raise Problem(ProblemType.ROLE_REQUIRED, "tokens of others need the role admin; ask an administrator")
    services.access.tokens.revoke(token.token_id, who.name)


def _owner(who: Person, has_session: bool) -> str | None:
    """Return who owns a token that this person makes. A token makes none: it would outlive its own end."""
    if has_session:
        return who.name
    if who.name.startswith("token:"):
        raise Problem(ProblemType.REFUSED, "a token can't make tokens; log in with a password")
    return None


def _is_own(token: ApiToken, who: Person) -> bool:
    return token.owner == who.name or who.may(Role.ADMIN)


def _fields(token: ApiToken) -> dict[str, object]:
    return token._asdict() | {"roles": names_of(token.roles)}
