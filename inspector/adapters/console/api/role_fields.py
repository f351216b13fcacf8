"""Roles by line in request and response bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, cast

from pydantic import Field

from inspector.access.roles import MAX_LINES
from inspector.domain.person import Role, role_names

RoleName = Literal["VIEWER", "REVIEWER", "ENGINEER", "ADMIN"]
LineOrEvery = Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9_.\-]{0,63})$")]
LineRoles = Annotated[
    dict[LineOrEvery, RoleName],
    Field(min_length=1, max_length=MAX_LINES, description="by line; * is every line", examples=[{"*": "VIEWER"}]),
]
MAX_NAME_CHARACTERS: Final = 64


def roles_of(names: Mapping[str, RoleName]) -> dict[str, Role]:
    return {line: Role[name] for line, name in names.items()}


def names_of(roles: Mapping[str, Role]) -> dict[str, RoleName]:
    return cast(dict[str, RoleName], role_names(roles))
