"""Users: who may log in, and with which roles."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, Field, SecretStr

from inspector.access.passwords import MAX_CHARACTERS
from inspector.adapters.console.api.etags import IfMatch, etag, require_match
from inspector.adapters.console.api.models import ApiModel, ApiRequest
from inspector.adapters.console.api.person import Admin, needs
from inspector.adapters.console.api.problems import WRITE_RESPONSES
from inspector.adapters.console.api.role_fields import MAX_NAME_CHARACTERS, LineRoles, RoleName, names_of, roles_of
from inspector.adapters.console.services import Services
from inspector.domain.person import Role
from inspector.ports.access import User, UserChange

UserName = Annotated[str, Path(max_length=MAX_NAME_CHARACTERS)]
Password = Annotated[SecretStr, Field(max_length=MAX_CHARACTERS)]
router = APIRouter(prefix="/users", tags=["people"])


class UserRequest(ApiRequest):
    name: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]
    roles: LineRoles
    password: Password


class UserChangeRequest(ApiRequest):
    """What to change about a user; what is absent stays."""

    roles: LineRoles | None = None
    is_disabled: bool | None = None


class PasswordResetRequest(ApiRequest):
    password: Password


class UserAnswer(ApiModel):
    name: str
    roles: dict[str, RoleName] = Field(description="by line; * is every line")
    author: str
    created_at: AwareDatetime
    disabled_at: AwareDatetime | None

    @classmethod
    def of(cls, user: User) -> UserAnswer:
        return cls(**user._asdict() | {"roles": names_of(user.roles)})


@router.get("", dependencies=[needs(Role.ADMIN)])
def list_users(services: Services) -> tuple[UserAnswer, ...]:
    """List all users by name, disabled ones included."""
    return tuple(UserAnswer.of(user) for user in services.access.users.all())


@router.post("", status_code=201, responses=WRITE_RESPONSES)
def add_user(services: Services, who: Admin, asked: UserRequest, response: Response) -> UserAnswer:
    """Add a user."""
    roles, password = roles_of(asked.roles), asked.password.get_secret_value()
    return _answer(services.access.users.add(asked.name, roles, password, who.name), response)


@router.get("/{name}", dependencies=[needs(Role.ADMIN)])
def read_user(services: Services, name: UserName, response: Response) -> UserAnswer:
    """Return one user."""
    return _answer(services.access.users.user(name), response)


@router.patch("/{name}", responses=WRITE_RESPONSES)
def change_user(
    services: Services,
    who: Admin,
    name: UserName,
    asked: UserChangeRequest,
    response: Response,
    if_match: IfMatch = None,
) -> UserAnswer:
    """Change roles, disable or enable a user: all of it or nothing. It counts from the user's next request on."""
    users = services.access.users
    user = users.user(name)
    require_match(if_match, _tag(user))
    roles = None if asked.roles is None else roles_of(asked.roles)
    change = UserChange(roles=roles, is_disabled=asked.is_disabled)
    return _answer(users.change(name, change, who.name, user), response)


@router.put("/{name}/password", status_code=204, responses=WRITE_RESPONSES)
def reset_password(services: Services, who: Admin, name: UserName, asked: PasswordResetRequest) -> None:
    """Give a user another password. Ends all logins of the user, and enables a disabled one."""
    services.access.users.reset(name, asked.password.get_secret_value(), who.name)


def _tag(user: User) -> str:
    roles = ",".join(f"{line}={role.name}" for line, role in sorted(user.roles.items()))
    return etag(user.name, roles, user.disabled_at.isoformat() if user.disabled_at else "enabled")


def _answer(user: User, response: Response) -> UserAnswer:
    response.headers["ETag"] = _tag(user)
    return UserAnswer.of(user)
